-- What the results of the last 30 days cost, by team and model.
-- The team is the job's user_metadata.team, which every outcome has as attribute
-- meta_team. A model without a price has a row, and no cost.
WITH prices AS (
  -- US dollars per million tokens in batch mode, which is half of the standard price
  -- (https://ai.google.dev/gemini-api/docs/pricing, as of 2026-10-07). The long ones
  -- are of prompts over 200,000 tokens. Change them when Google does.
  SELECT 'gemini-2.5-pro' AS model, 0.625 AS input, 5.0 AS output, 1.25 AS long_input, 7.5 AS long_output
  UNION ALL SELECT 'gemini-2.5-flash', 0.15, 1.25, 0.15, 1.25
  UNION ALL SELECT 'gemini-2.5-flash-lite', 0.05, 0.2, 0.05, 0.2
  UNION ALL SELECT 'gemini-3.5-flash', 0.75, 4.5, 0.75, 4.5
  UNION ALL SELECT 'gemini-3.5-flash-lite', 0.15, 1.25, 0.15, 1.25
),
lines AS (
  -- Cached tokens are part of the prompt's, and counted at its price: Google takes
  -- less for them, so this is at most too much.
  SELECT
    IFNULL(JSON_VALUE(attributes, '$.meta_team'), '(none)') AS team,
    model_version AS model,
    IFNULL(prompt_tokens, 0) > 200000 AS is_long,
    IFNULL(prompt_tokens, 0) + IFNULL(tool_use_tokens, 0) AS input_tokens,
    IFNULL(candidates_tokens, 0) + IFNULL(thoughts_tokens, 0) AS output_tokens
  FROM gemini_webhook.results_distinct
  WHERE type = 'batch.result' AND DATE(publish_time) >= CURRENT_DATE() - 30
)
SELECT
  team,
  model,
  COUNT(*) AS results,
  SUM(input_tokens) AS input_tokens,
  SUM(output_tokens) AS output_tokens,
  ROUND(SUM(
    input_tokens * CASE WHEN is_long THEN long_input ELSE input END
    + output_tokens * CASE WHEN is_long THEN long_output ELSE output END
  ) / 1000000, 6) AS dollars
FROM lines
LEFT JOIN prices USING (model)
GROUP BY team, model
ORDER BY dollars DESC, team, model
