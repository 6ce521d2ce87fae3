# By the secret that names the webhook: one that webhookctl, or this provider
# elsewhere, has made.
terraform import gemini_webhook.main projects/my-project/secrets/gemini-webhook-signing-secret

# By the webhook's id, and the secret that shall receive its keys: one that was
# made by hand. The next plan shows that it will be adopted: the apply rotates
# its signing secret, stores the new one, and revokes the older ones.
terraform import gemini_webhook.main wh0123456789abcdef,projects/my-project/secrets/gemini-webhook-signing-secret
