package doctor

import (
	"context"
	"errors"
	"strings"

	"example.com/gemini-webhook/internal/object"
	"example.com/gemini-webhook/internal/secret"
)

// withoutKey is what does not work where the private door has no API key.
const withoutKey = "without a Gemini API key batches without a gs:// pointer, which are most of the Gemini API's, are batch.unreadable (no_api_key) and their results gone after two days; videos are not kept, and interactions come without their answer"

const giveKey = "give --api-key-secret=projects/P/secrets/S, the secret in GEMINI_API_KEY_SECRET (Terraform's api_key_secret); a key is made at https://aistudio.google.com/apikey"

// apiKey wants a key that may read batches. It is the key that whoever looks has read;
// whether the functions may read it is apiKeyReaders'.
func (d *doctor) apiKey(ctx context.Context, f *finding) {
	if d.WithoutAPIKey {
		f.warn("set results.files_api to true, unless all jobs write to Cloud Storage", "the private door has none: "+withoutKey)
		return
	}
	if d.Batches == nil {
		f.warn(giveKey, "could not check: none is given; "+withoutKey)
		return
	}
	store := giveKey
	if d.APIKeySecret != "" {
		store = "store a valid key of the project that your jobs use: printf %s \"$GEMINI_API_KEY\" | gcloud secrets versions add " +
			d.APIKeySecret.ID() + " --project=" + d.APIKeySecret.Project() + " --data-file=-"
	}
	err := d.Batches.Probe(ctx)
	if errors.Is(err, object.ErrDenied) || errors.Is(err, object.ErrRefused) {
		f.fail(store, "the Gemini API does not let it list batches (%s); %s", oneLine(err), withoutKey)
		return
	}
	if errors.Is(err, secret.ErrDisabled) {
		f.fail(store, "the newest version of %s is disabled or destroyed; %s", d.APIKeySecret, withoutKey)
		return
	}
	if f.trouble(err, string(d.APIKeySecret), "secretmanager.versions.access (roles/secretmanager.secretAccessor)", store) {
		return
	}
	f.ok("it may read batches")
}

// apiKeyReaders wants those that ask the Gemini API to be able to read the key.
func (d *doctor) apiKeyReaders(ctx context.Context, f *finding) {
	switch {
	case d.WithoutAPIKey:
		f.ok("none expected")
		return
	case d.APIKeySecret == "":
		f.warn(giveKey, "could not check whether %s may read the key: its secret is not given", strings.Join(d.workers(), " and "))
		return
	}
	policy, err := d.Secrets.Policy(ctx, d.APIKeySecret)
	if f.trouble(err, string(d.APIKeySecret), "secretmanager.secrets.getIamPolicy (roles/iam.securityReviewer)", giveKey) {
		return
	}
	consequences := map[string]string{
		d.TasksAccount:     "what needs the Gemini API fails until it is a dead letter",
		d.ReconcileAccount: "events that Gemini did not deliver are not looked for",
	}
	for _, account := range d.workers() {
		member := serviceAccount(account)
		if !bindings(policy).has(member, "roles/secretmanager.secretAccessor", "roles/secretmanager.admin") {
			f.fail(apply+"gcloud secrets add-iam-policy-binding "+d.APIKeySecret.ID()+" --project="+d.APIKeySecret.Project()+" --role=roles/secretmanager.secretAccessor --member="+member,
				"%s may not read %s: %s%s", member, d.APIKeySecret, consequences[account], onResource)
		}
	}
	f.ok("%s", strings.Join(d.workers(), " and "))
}
