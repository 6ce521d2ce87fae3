-- Seconds from Gemini's delivery to batch.completed, by day of the last 30: the half
-- of the batches, and 95 of 100, took no longer. 23 characters of received_at are
-- milliseconds. A batch counts once, though RETRY_FAILED may publish its
-- batch.completed again.
WITH completed AS (
  SELECT
    DATE(publish_time) AS day,
    (UNIX_MILLIS(publish_time) - UNIX_MILLIS(CAST(SUBSTR(JSON_VALUE(data, '$.received_at'), 1, 23) AS TIMESTAMP))) / 1000 AS seconds,
    CAST(JSON_VALUE(data, '$.results.total') AS INT64) AS results
  FROM gemini_webhook.outcomes_distinct
  WHERE type = 'batch.completed' AND DATE(publish_time) >= CURRENT_DATE() - 30
  QUALIFY ROW_NUMBER() OVER (PARTITION BY resource_id ORDER BY publish_time) = 1
),
ranked AS (
  SELECT day, seconds, results, CUME_DIST() OVER (PARTITION BY day ORDER BY seconds) AS share
  FROM completed
)
SELECT
  day,
  COUNT(*) AS batches,
  SUM(results) AS results,
  MIN(CASE WHEN share >= 0.5 THEN seconds END) AS p50,
  MIN(CASE WHEN share >= 0.95 THEN seconds END) AS p95,
  MAX(seconds) AS longest
FROM ranked
GROUP BY day
ORDER BY day DESC
