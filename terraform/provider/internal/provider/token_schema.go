package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/int64planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// Schema implements resource.Resource.
func (r *tokenResource) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: tokenText,
		Attributes: map[string]schema.Attribute{
			"secret": schema.StringAttribute{
				Required:      true,
				Validators:    []validator.String{secretName{}},
				PlanModifiers: []planmodifier.String{stringplanmodifier.RequiresReplace()},
				MarkdownDescription: "Secret Manager secret (`projects/PROJECT/secrets/SECRET`) whose versions are the tokens: the receiver's " +
					"`DYNAMIC_TOKEN_SECRET`. It must exist and belong to this resource alone. Another one forces replacement.",
			},
			"rotation_triggers": schema.MapAttribute{
				Optional:    true,
				ElementType: types.StringType,
				MarkdownDescription: "Any texts; a new token is made when one of them is changed, added or removed, but not when the whole map is " +
					"removed. The receiver accepts the older one for `DYNAMIC_TOKEN_OVERLAP` more. An apply that was killed after it made " +
					"a token makes another when it is repeated, which does no harm.",
			},
			"id": schema.StringAttribute{
				Computed: true, PlanModifiers: []planmodifier.String{stringplanmodifier.UseStateForUnknown()},
				MarkdownDescription: "The same as `secret`.",
			},
			"version": schema.Int64Attribute{
				Computed: true, PlanModifiers: []planmodifier.Int64{int64planmodifier.UseStateForUnknown()},
				MarkdownDescription: "Number of the secret's newest enabled version.",
			},
			"create_time": schema.StringAttribute{
				Computed: true, PlanModifiers: []planmodifier.String{stringplanmodifier.UseStateForUnknown()},
				MarkdownDescription: "When that version was created (RFC 3339).",
			},
		},
	}
}
