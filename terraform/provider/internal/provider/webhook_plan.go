package provider

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"example.com/gemini-webhook/internal/secret"
	"example.com/gemini-webhook/internal/webhookadmin"
)

// rotates says whether the change asks for a rotation.
func (m *webhookModel) rotates(from webhookModel) bool {
	return !m.RotationTriggers.IsNull() && !m.RotationTriggers.Equal(from.RotationTriggers)
}

// ModifyPlan implements resource.ResourceWithModifyPlan: it says which computed
// values a change touches, and shows what an interrupted run left to heal, which
// neither the configuration nor Terraform's state knows, as a change.
//
// Terraform asks again when it applies, and takes a value that was known then
// and is unknown now for a bug. So what is found at Gemini makes values unknown
// only where nothing else is planned; where something is, the apply heals anyway.
func (r *webhookResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if req.Plan.Raw.IsNull() || r.services == nil {
		return // to be destroyed
	}
	var plan, state webhookModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	creating := req.State.Raw.IsNull()
	if !creating {
		resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	}
	if resp.Diagnostics.HasError() {
		return
	}
	if !creating && !req.Plan.Raw.Equal(req.State.Raw) {
		plan.touch(state)
	}
	if creating && r.services.ready(plan.APIKeySecret) {
		resp.Diagnostics.Append(r.keyIsThere(ctx, plan.APIKeySecret)...)
	}
	desired, known, diags := plan.desired(ctx, state.ID.ValueString())
	resp.Diagnostics.Append(diags...)
	if known && r.services.ready(plan.APIKeySecret) {
		changes, err := r.found(ctx, plan.APIKeySecret, desired)
		resp.Diagnostics.Append(foresee(changes, err, creating)...)
		if !creating && toHeal(changes, err) && req.Plan.Raw.Equal(req.State.Raw) {
			plan.heal(changes)
		}
	}
	resp.Diagnostics.Append(resp.Plan.Set(ctx, plan)...)
}

// toHeal tells whether there is something that no configuration asks for.
func toHeal(changes webhookadmin.Changes, err error) bool {
	return changes.Create || changes.Rotate != "" || changes.Busy || secretIsGone(err)
}

// secretIsGone tells whether the signing secret is, and not the API key's.
func secretIsGone(err error) bool {
	return errors.Is(err, secret.ErrNotFound) && !errors.Is(err, webhookadmin.ErrNoKey)
}

// found is what Ensure would do.
func (r *webhookResource) found(ctx context.Context, own types.String, desired webhookadmin.Desired) (webhookadmin.Changes, error) {
	admin, err := r.services.admin(own)
	if err != nil {
		return webhookadmin.Changes{}, err
	}
	return admin.Plan(ctx, desired)
}

// touch makes unknown what the change from a state may change.
func (m *webhookModel) touch(from webhookModel) {
	settings, before := m.settings(), from.settings()
	for i := range settings {
		if !settings[i].Equal(before[i]) {
			m.UpdateTime = types.StringUnknown()
		}
	}
	if !m.Enabled.Equal(from.Enabled) {
		m.State = types.StringUnknown()
	}
	if m.rotates(from) || !m.SigningSecret.Equal(from.SigningSecret) {
		m.UpdateTime, m.SigningSecrets = types.StringUnknown(), types.ListUnknown(signingSecretType)
	}
}

// heal makes unknown what healing changes.
func (m *webhookModel) heal(changes webhookadmin.Changes) {
	before := *m
	m.unplan()
	if !changes.Create {
		m.ID, m.State, m.CreateTime = before.ID, before.State, before.CreateTime
	}
}

// foresee tells what will be done beside what is configured.
func foresee(changes webhookadmin.Changes, err error, creating bool) (diags diag.Diagnostics) {
	switch {
	case errors.Is(err, webhookadmin.ErrAmbiguous):
		diags.AddError("Several webhooks", err.Error())
	case err != nil && !creating && !secretIsGone(err):
		diags.AddWarning("The webhook was not looked at", "Whether an unfinished run has left something to heal is not known: "+err.Error())
	case err != nil: // of what is to be created something is missing yet, or the apply will say what is wrong
	case changes.Busy:
		diags.AddWarning("Another run is at work on this webhook, or was killed",
			"The apply waits for it, two minutes at most, and then heals what it left.")
	case changes.Rotate == webhookadmin.Adopted:
		diags.AddWarning("A webhook will be adopted", "There is one whose signing secret is not known to be stored. "+
			"Its secret will be rotated, the new one stored, and the older ones revoked.")
	case changes.Rotate == webhookadmin.Interrupted:
		diags.AddWarning("A run did not finish", "A signing secret may be in force that is not stored. The apply rotates it and revokes the older ones.")
	case changes.Rotate == webhookadmin.NoVersion:
		diags.AddWarning("No signing secret is stored", "No version of the secret is enabled, so that no delivery can be verified. The apply rotates the secret.")
	case creating && !changes.Create:
		diags.AddWarning("The webhook is there already", fmt.Sprintf("The secret names one, which will be taken over%s.", changed(changes)))
	}
	return diags
}

func changed(changes webhookadmin.Changes) string {
	if len(changes.Update) == 0 {
		return ""
	}
	return "; to be changed: " + strings.Join(changes.Update, ", ")
}
