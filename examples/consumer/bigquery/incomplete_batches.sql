-- Batches that are not complete: fewer results than batch.completed says, or no
-- batch.completed yet. A few minutes old they are at work; older ones are for
-- docs/runbooks/dead-letters.md. Not for BATCH_RESULTS=summary, which has no results.
WITH lines AS (
  SELECT resource_id, COUNT(*) AS results, MIN(publish_time) AS first_result, MAX(publish_time) AS last_result
  FROM gemini_webhook.results_distinct
  WHERE type = 'batch.result'
  GROUP BY resource_id
),
ends AS (
  SELECT
    resource_id,
    MAX(CASE WHEN type = 'batch.completed' THEN CAST(JSON_VALUE(data, '$.results.total') AS INT64) END) AS total,
    MAX(CASE WHEN type = 'batch.incomplete' THEN JSON_VALUE(data, '$.error.code') END) AS reported,
    MAX(display_name) AS display_name
  FROM gemini_webhook.outcomes_distinct
  WHERE type IN ('batch.completed', 'batch.incomplete')
  GROUP BY resource_id
)
SELECT resource_id, display_name, IFNULL(results, 0) AS results, total, reported, first_result, last_result
FROM lines
FULL JOIN ends USING (resource_id)
WHERE total IS NULL OR IFNULL(results, 0) < total
ORDER BY first_result, resource_id
