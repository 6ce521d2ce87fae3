package provider

import (
	"context"
	"maps"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/listplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"example.com/gemini-webhook/internal/webhookadmin"
)

// Schema implements resource.Resource. What is computed is planned as it was;
// ModifyPlan says what a change may change.
func (r *webhookResource) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	attributes := webhookAttributes()
	maps.Copy(attributes, rotationAttributes())
	maps.Copy(attributes, computedAttributes())
	resp.Schema = schema.Schema{MarkdownDescription: webhookText, Attributes: attributes}
}

// webhookAttributes are what the webhook is, and where its secrets are.
func webhookAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"name": schema.StringAttribute{
			Required:   true,
			Validators: []validator.String{notBlank{}},
			MarkdownDescription: "Name at Gemini. A webhook that has this name and `uri` already is adopted, not made a second time. " +
				"Changed in place.",
		},
		"uri": schema.StringAttribute{
			Required:   true,
			Validators: []validator.String{deliveryURL{}},
			MarkdownDescription: "Where Gemini delivers, `https://HOST/PATH`: the receiver's public door. It is not a secret. It may be " +
				"known only after apply. Changed in place.",
		},
		"subscribed_events": schema.SetAttribute{
			Required:    true,
			ElementType: types.StringType,
			Validators:  []validator.Set{events{}},
			MarkdownDescription: "Types of events to be delivered, at least one of `" + strings.Join(subscribable, "`, `") + "`. Another one " +
				"is passed on with a warning, for Gemini may have learnt it since; `" + strings.Join(unsubscribable, "` and `") +
				"` exist, but Gemini does not accept them here. Changed in place.",
		},
		"enabled": schema.BoolAttribute{
			Optional: true,
			Computed: true,
			Default:  booldefault.StaticBool(true),
			MarkdownDescription: "Whether Gemini delivers; default `true`. A webhook that is found disabled, by somebody or by Gemini after " +
				"failed deliveries, is shown as a change and enabled again by the next apply.",
		},
		"signing_secret": schema.StringAttribute{
			Required:   true,
			Validators: []validator.String{secretName{}},
			MarkdownDescription: "Secret Manager secret (`projects/PROJECT/secrets/SECRET`) that receives every signing secret as a version. It " +
				"must exist and belong to this webhook alone: its annotations `gemini-webhook-…` name the webhook and any unfinished " +
				"run. A webhook that another secret named moves in place: its key is replaced at once by one that is stored in the new " +
				"secret, so let the receiver accept both secrets while you change it.",
		},
		"api_key_secret": schema.StringAttribute{
			Optional:   true,
			Validators: []validator.String{secretName{}},
			MarkdownDescription: "Secret Manager secret whose newest version is the API key for this webhook's project; before the provider's " +
				"key. Not used by an import.",
		},
	}
}

// rotationAttributes say when the signing secret is replaced, and how.
func rotationAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"rotation_triggers": schema.MapAttribute{
			Optional:    true,
			ElementType: types.StringType,
			MarkdownDescription: "Any texts; the signing secret is rotated when one of them is changed, added or removed. A webhook's creation " +
				"is not a rotation, nor is the removal of the whole map. An apply that was killed after a rotation rotates once more " +
				"when it is repeated, which does no harm.",
		},
		"revocation": schema.StringAttribute{
			Optional:   true,
			Computed:   true,
			Default:    stringdefault.StaticString(string(webhookadmin.After24h)),
			Validators: []validator.String{behavior{}},
			MarkdownDescription: "What a rotation by `rotation_triggers` does to the older keys: `after_24h` (default) keeps them in force for " +
				"24 h, so that nothing is lost; `immediately` revokes them and disables their versions, for a key that somebody else " +
				"may know. A change of this alone does nothing yet.",
		},
	}
}

// computedAttributes are what Gemini says of the webhook.
func computedAttributes() map[string]schema.Attribute {
	asItWas := []planmodifier.String{stringplanmodifier.UseStateForUnknown()}
	return map[string]schema.Attribute{
		"id": schema.StringAttribute{
			Computed: true, PlanModifiers: asItWas,
			MarkdownDescription: "Gemini's id of the webhook.",
		},
		"state": schema.StringAttribute{
			Computed: true, PlanModifiers: asItWas,
			MarkdownDescription: "`enabled`, `disabled` or `disabled_due_to_failed_deliveries`.",
		},
		"signing_secrets": schema.ListNestedAttribute{
			Computed: true, PlanModifiers: []planmodifier.List{listplanmodifier.UseStateForUnknown()},
			MarkdownDescription: "The signing secrets that are in force, as Gemini shows them.",
			NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
				"truncated_secret": schema.StringAttribute{
					Computed:            true,
					MarkdownDescription: "A few characters, by which two secrets can be told apart.",
				},
				"expire_time": schema.StringAttribute{
					Computed:            true,
					MarkdownDescription: "When it ends (RFC 3339); null for the current one.",
				},
			}},
		},
		"create_time": schema.StringAttribute{
			Computed: true, PlanModifiers: asItWas,
			MarkdownDescription: "When the webhook was created (RFC 3339).",
		},
		"update_time": schema.StringAttribute{
			Computed: true, PlanModifiers: asItWas,
			MarkdownDescription: "When the webhook was last changed (RFC 3339), rotations included.",
		},
	}
}
