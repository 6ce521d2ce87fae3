package provider

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"example.com/gemini-webhook/internal/gcp/gemini"
	"example.com/gemini-webhook/internal/gcp/secretmanager"
)

// away tells whether an error of webhookadmin says that Gemini, Secret Manager
// or the API key is not there now, and not that Gemini has refused what was
// asked, or that no key is configured.
func away(err error) bool {
	switch {
	case errors.Is(err, errNoKey):
		return false
	case errors.Is(err, gemini.ErrNoKey), errors.Is(err, gemini.ErrThrottled):
		return true
	}
	return !errors.Is(err, gemini.ErrRefused)
}

// unseen is what a refresh says that cannot see the webhook. What is away must
// not stop a plan of something else; what was imported and never seen is not
// known at all.
func unseen(state webhookModel, err error) diag.Diagnostic {
	if state.Name.IsNull() || !away(err) {
		return failure("The webhook cannot be read", err)
	}
	return diag.NewWarningDiagnostic("The webhook was not looked at", "It is taken to be as it was. "+err.Error())
}

// keyIsThere is an error where the secret with the API key has no version that
// could be read, without reading one. Whoever may not list versions hears of it
// when the key is used.
func (r *webhookResource) keyIsThere(ctx context.Context, own types.String) (diags diag.Diagnostics) {
	secret := own.ValueString()
	if secret == "" {
		secret = r.services.config.APIKeySecret.ValueString()
	}
	if secret == "" {
		return nil
	}
	client, err := r.services.secrets()
	if err != nil {
		return nil // as above
	}
	versions, err := client.Versions(ctx, secret)
	_, id, _ := strings.Cut(secret, "/secrets/")
	project := strings.TrimPrefix(strings.TrimSuffix(secret, "/secrets/"+id), "projects/")
	switch {
	case secretmanager.IsNotFound(err):
		diags.AddError("The API key is missing", fmt.Sprintf("There is no secret %s. Store the Gemini API key: "+
			"printf %%s \"$GEMINI_API_KEY\" | gcloud secrets create %s --project=%s --data-file=-", secret, id, project))
	case err == nil && !slices.ContainsFunc(versions, func(v secretmanager.Version) bool { return v.Enabled }):
		diags.AddError("The API key is missing", fmt.Sprintf("The secret %s has no version that is enabled. Store the Gemini API key: "+
			"printf %%s \"$GEMINI_API_KEY\" | gcloud secrets versions add %s --project=%s --data-file=-", secret, id, project))
	}
	return diags
}
