# The newest enabled version is taken.
terraform import gemini_webhook_token.main projects/my-project/secrets/gemini-webhook-token
