package provider

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"example.com/gemini-webhook/internal/secret"
	"example.com/gemini-webhook/internal/webhookadmin"
)

// webhookResource is gemini_webhook.
type webhookResource struct{ services *services }

// Metadata implements resource.Resource.
func (r *webhookResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_webhook"
}

// Configure implements resource.ResourceWithConfigure.
func (r *webhookResource) Configure(_ context.Context, req resource.ConfigureRequest, resp *resource.ConfigureResponse) {
	r.services = configured(req.ProviderData, &resp.Diagnostics)
}

// Create implements resource.Resource. An error leaves nothing in Terraform's
// state, whatever was done: half a webhook there would be marked as tainted, and
// deleted by the next apply. So that one creates too, and webhookadmin finds by
// the secret's annotations, or by name and uri, what there is already.
func (r *webhookResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var plan webhookModel
	if resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...); resp.Diagnostics.HasError() {
		return
	}
	admin, err := r.services.admin(plan.APIKeySecret)
	if err != nil {
		resp.Diagnostics.AddError("No connection", err.Error())
		return
	}
	hook, _, diags := ensure(ctx, admin, plan, "")
	if resp.Diagnostics.Append(diags...); resp.Diagnostics.HasError() {
		return
	}
	plan.fill(hook)
	resp.Diagnostics.Append(resp.State.Set(ctx, plan)...)
}

// ensure brings the webhook to what is planned.
func ensure(ctx context.Context, admin *webhookadmin.Admin, plan webhookModel, id string) (hook webhookadmin.Webhook, changes webhookadmin.Changes, diags diag.Diagnostics) {
	desired, _, diags := plan.desired(ctx, id)
	if diags.HasError() {
		return hook, changes, diags
	}
	hook, changes, err := admin.Ensure(ctx, desired)
	if err != nil {
		diags.Append(failure("The webhook is not as configured", err))
	}
	return hook, changes, diags
}

// Read implements resource.Resource.
func (r *webhookResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var state webhookModel
	if resp.Diagnostics.Append(req.State.Get(ctx, &state)...); resp.Diagnostics.HasError() {
		return
	}
	if !r.services.ready(state.APIKeySecret) {
		resp.Diagnostics.AddWarning("The webhook was not looked at", "The API key's secret is known only after apply.")
		return
	}
	var hook webhookadmin.Webhook
	admin, err := r.services.admin(state.APIKeySecret)
	if err == nil {
		hook, err = find(ctx, admin, nameOf(state.SigningSecret), state.ID.ValueString())
	}
	if errors.Is(err, webhookadmin.ErrNoWebhook) {
		var unfinished bool
		if unfinished, err = r.unfinished(ctx, nameOf(state.SigningSecret)); err == nil && !unfinished {
			resp.State.RemoveResource(ctx)
		}
		if err == nil {
			return // an unfinished deletion is to be finished, or the webhook created again, by whoever applies
		}
	}
	if err != nil {
		resp.Diagnostics.Append(unseen(state, err))
		return
	}
	resp.Diagnostics.Append(state.observe(ctx, hook)...)
	if state.Revocation.IsNull() { // imported
		state.Revocation = types.StringValue(string(webhookadmin.After24h))
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, state)...)
}

// unfinished says whether a run has left its mark on a secret.
func (r *webhookResource) unfinished(ctx context.Context, name secret.Name) (bool, error) {
	client, err := r.services.secrets()
	if err != nil {
		return false, err
	}
	got, err := client.Get(ctx, name)
	if errors.Is(err, secret.ErrNotFound) {
		return false, nil
	}
	return webhookadmin.ReadNote(got, r.services.options.Now()).Mark != "", err
}

// find finds the webhook that the secret names. Where it names none, or is gone
// itself, that is the one that Terraform knows, which the next apply adopts.
func find(ctx context.Context, admin *webhookadmin.Admin, name secret.Name, id string) (webhookadmin.Webhook, error) {
	hook, err := admin.Get(ctx, name)
	if !errors.Is(err, webhookadmin.ErrNoWebhook) && !errors.Is(err, secret.ErrNotFound) {
		return hook, err
	}
	all, err := admin.List(ctx)
	if err != nil {
		return webhookadmin.Webhook{}, err
	}
	for _, hook := range all {
		if hook.ID == id {
			return hook, nil
		}
	}
	return webhookadmin.Webhook{}, webhookadmin.ErrNoWebhook
}

// Update implements resource.Resource. An error leaves Terraform's state as it
// was, so that the next apply finds the same to do.
func (r *webhookResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var state, plan webhookModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...); resp.Diagnostics.HasError() {
		return
	}
	admin, err := r.services.admin(plan.APIKeySecret)
	if err != nil {
		resp.Diagnostics.AddError("No connection", err.Error())
		return
	}
	id := state.ID.ValueString()
	if !plan.SigningSecret.Equal(state.SigningSecret) {
		// First, so that nobody rotates it into the old secret meanwhile.
		if err := admin.Release(ctx, nameOf(state.SigningSecret), id); err != nil {
			resp.Diagnostics.Append(failure("The webhook cannot be taken from its former signing_secret", err))
			return
		}
	}
	hook, changes, diags := ensure(ctx, admin, plan, id)
	if resp.Diagnostics.Append(diags...); resp.Diagnostics.HasError() {
		return
	}
	if plan.rotates(state) {
		hook, err = rotate(ctx, admin, plan, hook, changes)
		if err != nil {
			resp.Diagnostics.Append(failure("The signing secret is not rotated", err))
			return
		}
	}
	plan.fill(hook)
	if plan.ID.ValueString() != hook.ID {
		resp.Diagnostics.AddWarning("The webhook was replaced meanwhile",
			fmt.Sprintf("It was deleted after it was planned, and created again as %s. The next refresh takes over its id.", hook.ID))
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, plan)...)
}

// rotate rotates as the plan says, unless what was healed has just made a new
// key and the older ones may stay. It returns the webhook afterwards.
func rotate(ctx context.Context, admin *webhookadmin.Admin, plan webhookModel, hook webhookadmin.Webhook, done webhookadmin.Changes) (webhookadmin.Webhook, error) {
	behavior := webhookadmin.Behavior(plan.Revocation.ValueString())
	if behavior == webhookadmin.After24h && (done.Create || done.Rotate != "") {
		return hook, nil
	}
	if _, err := admin.Rotate(ctx, nameOf(plan.SigningSecret), behavior); err != nil {
		return hook, err
	}
	return admin.Get(ctx, nameOf(plan.SigningSecret))
}

// Delete implements resource.Resource. The secret's versions stay: whoever made
// the secret deletes them with it. Where Gemini or the API key is away from the
// start, the webhook is left there, so that the rest can be destroyed; once
// something was done, it must be finished.
func (r *webhookResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var state webhookModel
	if resp.Diagnostics.Append(req.State.Get(ctx, &state)...); resp.Diagnostics.HasError() {
		return
	}
	admin, err := r.services.admin(state.APIKeySecret)
	if err == nil {
		_, err = admin.List(ctx)
	}
	if err != nil && away(err) {
		resp.Diagnostics.AddWarning("The webhook stays at Gemini", fmt.Sprintf("It cannot be deleted: %v\n\nGemini goes on delivering to %s until it gives up. "+
			"Delete it when Gemini and its API key are there again: curl -X DELETE -H \"x-goog-api-key: $GEMINI_API_KEY\" "+
			"https://generativelanguage.googleapis.com/v1beta/webhooks/%s. Or leave it: a webhook of the same name and uri is adopted, not made twice.",
			err, state.URI.ValueString(), state.ID.ValueString()))
		return
	}
	if err == nil {
		err = admin.Delete(ctx, nameOf(state.SigningSecret), state.ID.ValueString())
	}
	if err != nil {
		resp.Diagnostics.Append(failure("The webhook is not deleted", err))
	}
}

// ImportState implements resource.ResourceWithImportState. The id is a secret
// that names its webhook, or WEBHOOK_ID,SECRET for one whose key is not stored
// there yet: the next apply adopts it.
func (r *webhookResource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	id, text, both := strings.Cut(req.ID, ",")
	if !both {
		id, text = "", req.ID
	}
	id = strings.TrimPrefix(strings.TrimSpace(id), "webhooks/")
	name, err := secret.ParseName(strings.TrimSpace(text))
	if both && id == "" || err != nil {
		resp.Diagnostics.AddError("Unknown form of id", "Import by projects/PROJECT/secrets/SECRET, the secret whose annotations name the webhook, "+
			"or by WEBHOOK_ID,projects/PROJECT/secrets/SECRET, which makes the next apply adopt the webhook: it rotates and stores its signing secret there.")
		return
	}
	admin, err := r.services.admin(types.StringNull())
	var hook webhookadmin.Webhook
	if err == nil {
		hook, err = admin.Get(ctx, name)
	}
	switch {
	case both && errors.Is(err, webhookadmin.ErrNoWebhook): // so it is free to take this one
	case err != nil:
		resp.Diagnostics.Append(failure("The secret's webhook cannot be imported; where it names none, import by WEBHOOK_ID,"+string(name), err))
		return
	case both && hook.ID != id:
		resp.Diagnostics.AddError("The secret is another webhook's", fmt.Sprintf("%s names the webhook %s. Import that one, or give another secret.", name, hook.ID))
		return
	default:
		id = hook.ID
	}
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("id"), id)...)
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("signing_secret"), string(name))...)
}

// failure is an error of webhookadmin, which holds no secret, and what to do.
func failure(what string, err error) diag.Diagnostic {
	text := err.Error()
	if errors.Is(err, webhookadmin.ErrInterrupted) || errors.Is(err, webhookadmin.ErrConflict) {
		text += "\n\nApply again: the next apply goes on from what was done, without a second webhook. It may wait up to two minutes until " +
			"the run that was interrupted is given up."
	}
	return diag.NewErrorDiagnostic(what, text)
}
