package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// guardResource is gemini_deletion_guard. It is nothing but a plan that fails:
// prevent_destroy cannot be switched by a variable, and what Google's provider
// protects is found out only when half of the rest is gone.
type guardResource struct{}

// guardModel is a gemini_deletion_guard.
type guardModel struct {
	Enabled types.Bool   `tfsdk:"enabled"`
	Remedy  types.String `tfsdk:"remedy"`

	ID types.String `tfsdk:"id"`
}

// Metadata implements resource.Resource.
func (r *guardResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_deletion_guard"
}

// Schema implements resource.Resource.
func (r *guardResource) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: guardText,
		Attributes: map[string]schema.Attribute{
			"enabled": schema.BoolAttribute{
				Required: true,
				MarkdownDescription: "Whether a plan that destroys the guard is refused. A destroy goes by what was applied last, as with all " +
					"attributes: `false` must be applied before.",
			},
			"remedy": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "What to do for a destroy that is meant; the refusal ends with it.",
			},
			"id": schema.StringAttribute{
				Computed: true, PlanModifiers: []planmodifier.String{stringplanmodifier.UseStateForUnknown()},
				MarkdownDescription: "Always `guard`.",
			},
		},
	}
}

// refusal is an error unless the guard is off.
func (m guardModel) refusal() (diags diag.Diagnostics) {
	if m.Enabled.ValueBool() {
		diags.AddError("Deletion protection is on", "Nothing was destroyed. "+m.Remedy.ValueString())
	}
	return diags
}

// ModifyPlan implements resource.ResourceWithModifyPlan.
func (r *guardResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if !req.Plan.Raw.IsNull() || req.State.Raw.IsNull() {
		return
	}
	var state guardModel
	if resp.Diagnostics.Append(req.State.Get(ctx, &state)...); !resp.Diagnostics.HasError() {
		resp.Diagnostics.Append(state.refusal()...)
	}
}

// Create implements resource.Resource.
func (r *guardResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var plan guardModel
	if resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...); resp.Diagnostics.HasError() {
		return
	}
	plan.ID = types.StringValue("guard")
	resp.Diagnostics.Append(resp.State.Set(ctx, plan)...)
}

// Read implements resource.Resource: there is nothing outside of the state.
func (r *guardResource) Read(context.Context, resource.ReadRequest, *resource.ReadResponse) {}

// Update implements resource.Resource.
func (r *guardResource) Update(_ context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	resp.State.Raw = req.Plan.Raw
}

// Delete implements resource.Resource. Only a replacement, which was asked for
// by name, comes here with the guard on.
func (r *guardResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var state guardModel
	if resp.Diagnostics.Append(req.State.Get(ctx, &state)...); !resp.Diagnostics.HasError() {
		resp.Diagnostics.Append(state.refusal()...)
	}
}
