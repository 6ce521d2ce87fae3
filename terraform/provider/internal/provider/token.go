package provider

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"example.com/gemini-webhook/internal/secret"
)

// tokenResource is gemini_webhook_token.
type tokenResource struct{ services *services }

// tokenModel is a gemini_webhook_token.
type tokenModel struct {
	Secret           types.String `tfsdk:"secret"`
	RotationTriggers types.Map    `tfsdk:"rotation_triggers"`

	ID         types.String `tfsdk:"id"`
	Version    types.Int64  `tfsdk:"version"`
	CreateTime types.String `tfsdk:"create_time"`
}

// observe takes over what Secret Manager shows of a version.
func (m *tokenModel) observe(v secret.Version) {
	m.ID, m.Version, m.CreateTime = m.Secret, types.Int64Value(v.Number), timeValue(v.Created)
}

// Metadata implements resource.Resource.
func (r *tokenResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_webhook_token"
}

// Configure implements resource.ResourceWithConfigure.
func (r *tokenResource) Configure(_ context.Context, req resource.ConfigureRequest, resp *resource.ConfigureResponse) {
	r.services = configured(req.ProviderData, &resp.Diagnostics)
}

// ModifyPlan implements resource.ResourceWithModifyPlan: a change of the
// triggers makes a new version.
func (r *tokenResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if req.Plan.Raw.IsNull() || req.State.Raw.IsNull() {
		return
	}
	var plan, state tokenModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() || !plan.rotates(state) {
		return
	}
	plan.Version, plan.CreateTime = types.Int64Unknown(), types.StringUnknown()
	resp.Diagnostics.Append(resp.Plan.Set(ctx, plan)...)
}

func (m *tokenModel) rotates(from tokenModel) bool {
	return !m.RotationTriggers.IsNull() && !m.RotationTriggers.Equal(from.RotationTriggers)
}

// Create implements resource.Resource. What a killed run has made stays as one
// token more, which nobody knows.
func (r *tokenResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var plan tokenModel
	if resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...); resp.Diagnostics.HasError() {
		return
	}
	if resp.Diagnostics.Append(r.add(ctx, &plan)...); !resp.Diagnostics.HasError() {
		resp.Diagnostics.Append(resp.State.Set(ctx, plan)...)
	}
}

// Update implements resource.Resource.
func (r *tokenResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var plan, state tokenModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	if resp.Diagnostics.Append(req.State.Get(ctx, &state)...); resp.Diagnostics.HasError() {
		return
	}
	if plan.rotates(state) {
		if resp.Diagnostics.Append(r.add(ctx, &plan)...); resp.Diagnostics.HasError() {
			return
		}
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, plan)...)
}

// add makes a token that nobody sees.
func (r *tokenResource) add(ctx context.Context, m *tokenModel) (diags diag.Diagnostics) {
	client, err := r.services.secrets()
	if err != nil {
		diags.AddError("No connection", err.Error())
		return diags
	}
	name := nameOf(m.Secret)
	number, err := client.Add(ctx, name, secret.NewToken())
	if err != nil {
		diags.AddError("The token is not stored", err.Error()+"\n\nApply again. If it was stored after all, it stays as one token more, which nobody knows.")
		return diags
	}
	made := secret.Version{Number: number, Created: r.services.options.Now()}
	// The list has the exact time, but may lag, and the token is stored.
	if versions, err := client.Versions(ctx, name); err == nil {
		if i := slices.IndexFunc(versions, func(v secret.Version) bool { return v.Number == number }); i >= 0 {
			made = versions[i]
		}
	}
	m.observe(made)
	return nil
}

// Read implements resource.Resource. A newer token than ours, whosever, is the
// one in force. Where ours is not enabled any more and there is no newer one, an
// older one would be in force again, so that a new one is to be made.
func (r *tokenResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var state tokenModel
	if resp.Diagnostics.Append(req.State.Get(ctx, &state)...); resp.Diagnostics.HasError() {
		return
	}
	enabled, err := r.enabled(ctx, nameOf(state.Secret))
	switch {
	case err == nil || errors.Is(err, secret.ErrNotFound):
	case state.CreateTime.IsNull(): // imported, and never seen
		resp.Diagnostics.AddError("The token's versions cannot be read", err.Error())
		return
	default: // an outage must not stop a plan of something else
		resp.Diagnostics.AddWarning("The token was not looked at", "It is taken to be as it was. "+err.Error())
		return
	}
	if len(enabled) == 0 || enabled[0].Number < state.Version.ValueInt64() {
		resp.State.RemoveResource(ctx)
		return
	}
	state.observe(enabled[0])
	resp.Diagnostics.Append(resp.State.Set(ctx, state)...)
}

// enabled are the enabled versions of a secret, the newest first.
func (r *tokenResource) enabled(ctx context.Context, name secret.Name) ([]secret.Version, error) {
	client, err := r.services.secrets()
	if err != nil {
		return nil, err
	}
	versions, err := client.Versions(ctx, name)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(secret.NewestFirst(versions), func(v secret.Version) bool { return !v.Enabled }), nil
}

// Delete implements resource.Resource. It disables the token and all older ones,
// for the newest one that is enabled is always accepted; the oldest first, so
// that none of them comes into force on the way.
func (r *tokenResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var state tokenModel
	if resp.Diagnostics.Append(req.State.Get(ctx, &state)...); resp.Diagnostics.HasError() {
		return
	}
	name := nameOf(state.Secret)
	enabled, err := r.enabled(ctx, name)
	if errors.Is(err, secret.ErrNotFound) {
		return
	}
	client, clientErr := r.services.secrets()
	if err == nil {
		err = clientErr
	}
	for _, v := range slices.Backward(enabled) {
		if err == nil && v.Number <= state.Version.ValueInt64() {
			err = client.Disable(ctx, name, v.Number)
		}
	}
	if err != nil {
		resp.Diagnostics.AddError("The tokens are not all disabled", err.Error())
	}
}

// ImportState implements resource.ResourceWithImportState, by the secret's name.
func (r *tokenResource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	name, err := secret.ParseName(strings.TrimSpace(req.ID))
	if err != nil {
		resp.Diagnostics.AddError("Unknown form of id", "Import by projects/PROJECT/secrets/SECRET; the newest enabled version is taken.")
		return
	}
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("secret"), string(name))...)
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("id"), string(name))...)
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("version"), int64(0))...)
}
