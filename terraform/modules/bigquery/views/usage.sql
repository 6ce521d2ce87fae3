SELECT
  DATE(publish_time) AS day,
  resource_id,
  display_name,
  model_version,
  COUNT(*) AS results,
  COUNTIF(status = 'succeeded') AS succeeded,
  COUNTIF(status = 'failed') AS failed,
  COUNTIF(status = 'invalid') AS invalid,
  COUNTIF(JSON_QUERY(data, '$.usage') IS NOT NULL) AS results_with_usage,
  IFNULL(SUM(prompt_tokens), 0) AS prompt_tokens,
  IFNULL(SUM(candidates_tokens), 0) AS candidates_tokens,
  IFNULL(SUM(thoughts_tokens), 0) AS thoughts_tokens,
  IFNULL(SUM(cached_tokens), 0) AS cached_tokens,
  IFNULL(SUM(tool_use_tokens), 0) AS tool_use_tokens,
  SUM(IFNULL(total_tokens, IFNULL(prompt_tokens, 0) + IFNULL(candidates_tokens, 0) + IFNULL(thoughts_tokens, 0) + IFNULL(tool_use_tokens, 0))) AS total_tokens
FROM `${from}`
WHERE type = 'batch.result'
GROUP BY day, resource_id, display_name, model_version
