package provider

// What the generated pages begin with.
const (
	providerText = "Registers webhooks of the Gemini API, and carries the signing secrets, which Gemini shows once, straight into Secret " +
		"Manager. No secret is in Terraform's state, plans, logs or messages.\n\n" +
		"Secret Manager is reached with the credentials of the google provider: the arguments and environment variables below, else " +
		"Application Default Credentials. On a signing secret they need " +
		"`secretmanager.secrets.get` and `.update`, and `secretmanager.versions.list`, `.add` and `.disable`; on a token's secret " +
		"`secretmanager.versions.list`, `.add` and `.disable`; on an API key's secret `secretmanager.versions.access`."

	webhookText = "A static webhook of the Gemini API. Its signing secrets go into versions of a Secret Manager secret as soon as Gemini " +
		"makes them, and nowhere else.\n\n" +
		"An apply that was killed or failed, wherever, is healed by the next one, without a second webhook: what was under way stands in " +
		"annotations of the secret, and is shown as a change by the next plan. The next apply may have to wait two minutes until the " +
		"killed one is given up. `terraform destroy` does not know a webhook whose creation was interrupted: apply first, or delete it with " +
		"`webhookctl webhook delete`. A webhook that was deleted elsewhere is created again.\n\n" +
		"Where Gemini or the API key is away, a refresh takes the webhook to be as it was, with a warning. A destroy then leaves it at " +
		"Gemini, with a warning that says how to delete it: a webhook of the same name and uri is adopted later. A key that Gemini " +
		"refuses is an error. The first plan fails where the API key's secret has no enabled version.\n\n" +
		"`webhookctl`, the function `RotateSigningSecret` and this resource may work on the same webhook at the same time; a rotation by " +
		"the others is no change here.\n\n" +
		"Do not use `create_before_destroy`: the new webhook would be the old one, and be destroyed with it."

	guardText = "Refuses `terraform destroy`, and the removal of the module that it is in, while the plan is made: before anything is destroyed. " +
		"It guards nothing against a destroy of other resources by name (`-target`, `-replace`), and it is nothing outside of Terraform's state."

	tokenText = "A path token for dynamic webhooks: 256 random bits, written as a new version of a Secret Manager secret and nowhere " +
		"else. Where the version is disabled or destroyed, and there is no newer one, a new token is made by the next apply.\n\n" +
		"A destroy disables the version and all older ones that are enabled: URLs that hold one of these tokens are refused from then on."
)
