SELECT
  publish_time,
  JSON_VALUE(attributes, '$.outcome_id') AS outcome_id,
  JSON_VALUE(attributes, '$.type') AS type,
  JSON_VALUE(attributes, '$.resource_id') AS resource_id,
  JSON_VALUE(attributes, '$.status') AS status,
  JSON_VALUE(attributes, '$.key') AS key,
  data,
  attributes,
  JSON_VALUE(attributes, '$.display_name') AS display_name,
  JSON_VALUE(attributes, '$.origin') AS origin,
  JSON_VALUE(attributes, '$.confirmed') = 'true' AS confirmed,
  JSON_VALUE(data, '$.finish_reason') AS finish_reason,
  JSON_VALUE(data, '$.error.code') AS error_code,
  JSON_VALUE(data, '$.model_version') AS model_version,
  SAFE_CAST(JSON_VALUE(data, '$.usage.prompt_tokens') AS INT64) AS prompt_tokens,
  SAFE_CAST(JSON_VALUE(data, '$.usage.candidates_tokens') AS INT64) AS candidates_tokens,
  SAFE_CAST(JSON_VALUE(data, '$.usage.thoughts_tokens') AS INT64) AS thoughts_tokens,
  SAFE_CAST(JSON_VALUE(data, '$.usage.cached_tokens') AS INT64) AS cached_tokens,
  SAFE_CAST(JSON_VALUE(data, '$.usage.tool_use_tokens') AS INT64) AS tool_use_tokens,
  SAFE_CAST(JSON_VALUE(data, '$.usage.total_tokens') AS INT64) AS total_tokens
FROM `${from}`
WHERE TRUE
QUALIFY ROW_NUMBER() OVER (PARTITION BY JSON_VALUE(attributes, '$.outcome_id') ORDER BY publish_time, message_id) = 1
