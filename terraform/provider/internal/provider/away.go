package provider

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"example.com/gemini-webhook/internal/secret"
	"example.com/gemini-webhook/internal/webhookadmin"
)

// away tells whether an error of webhookadmin says that Gemini, Secret Manager
// or the API key is not there now, and not that Gemini has refused what was
// asked, or that no key is configured.
func away(err error) bool {
	switch {
	case errors.Is(err, errNoKey):
		return false
	case errors.Is(err, webhookadmin.ErrNoKey), errors.Is(err, webhookadmin.ErrThrottled):
		return true
	}
	return !errors.Is(err, webhookadmin.ErrRefused)
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
	name := cmp.Or(nameOf(own), nameOf(r.services.config.APIKeySecret))
	if name == "" {
		return nil
	}
	client, err := r.services.secrets()
	if err != nil {
		return nil // as above
	}
	versions, err := client.Versions(ctx, name)
	store := func(how string) string {
		return fmt.Sprintf(". Store the Gemini API key: printf %%s \"$GEMINI_API_KEY\" | gcloud secrets %s %s --project=%s --data-file=-", how, name.ID(), name.Project())
	}
	switch {
	case errors.Is(err, secret.ErrNotFound):
		diags.AddError("The API key is missing", fmt.Sprintf("There is no secret %s", name)+store("create"))
	case err == nil && !slices.ContainsFunc(versions, func(v secret.Version) bool { return v.Enabled }):
		diags.AddError("The API key is missing", fmt.Sprintf("The secret %s has no version that is enabled", name)+store("versions add"))
	}
	return diags
}
