-- Tokens of the batches of the last week, the most first.
SELECT display_name, resource_id, SUM(results) AS results, SUM(total_tokens) AS tokens
FROM gemini_webhook.usage
WHERE day >= CURRENT_DATE() - 7
GROUP BY display_name, resource_id
ORDER BY tokens DESC
