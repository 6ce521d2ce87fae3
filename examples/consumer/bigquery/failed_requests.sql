-- Requests of the last 30 days that came to nothing, by the error's code: 429 and the
-- like are worth sending again (webhookctl batch retry), blocked and no_content are not.
SELECT
  IFNULL(error_code, '(none)') AS code,
  JSON_VALUE(data, '$.error.status') AS error_status,
  status,
  COUNT(*) AS requests,
  COUNT(DISTINCT resource_id) AS batches,
  MIN(JSON_VALUE(data, '$.error.message')) AS a_message,
  MAX(publish_time) AS last_one
FROM gemini_webhook.results_distinct
WHERE type = 'batch.result' AND status != 'succeeded' AND DATE(publish_time) >= CURRENT_DATE() - 30
GROUP BY code, error_status, status
ORDER BY requests DESC, code, error_status
