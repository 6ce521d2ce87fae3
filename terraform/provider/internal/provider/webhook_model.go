package provider

import (
	"context"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"example.com/gemini-webhook/internal/webhookadmin"
)

// webhookModel is a gemini_webhook.
type webhookModel struct {
	Name             types.String `tfsdk:"name"`
	URI              types.String `tfsdk:"uri"`
	SubscribedEvents types.Set    `tfsdk:"subscribed_events"`
	Enabled          types.Bool   `tfsdk:"enabled"`
	SigningSecret    types.String `tfsdk:"signing_secret"`
	APIKeySecret     types.String `tfsdk:"api_key_secret"`
	RotationTriggers types.Map    `tfsdk:"rotation_triggers"`
	Revocation       types.String `tfsdk:"revocation"`

	ID             types.String `tfsdk:"id"`
	State          types.String `tfsdk:"state"`
	SigningSecrets types.List   `tfsdk:"signing_secrets"`
	CreateTime     types.String `tfsdk:"create_time"`
	UpdateTime     types.String `tfsdk:"update_time"`
}

var signingSecretType = types.ObjectType{AttrTypes: map[string]attr.Type{"truncated_secret": types.StringType, "expire_time": types.StringType}}

// desired is what webhookadmin is to bring about; ok says that all of it is
// known.
func (m *webhookModel) desired(ctx context.Context, id string) (d webhookadmin.Desired, ok bool, diags diag.Diagnostics) {
	for _, v := range []attr.Value{m.Name, m.URI, m.SubscribedEvents, m.Enabled, m.SigningSecret} {
		if v.IsUnknown() {
			return d, false, nil
		}
	}
	for _, v := range m.SubscribedEvents.Elements() {
		if v.IsUnknown() {
			return d, false, nil
		}
	}
	d = webhookadmin.Desired{
		Name: m.Name.ValueString(), URI: m.URI.ValueString(), Enabled: m.Enabled.ValueBool(),
		SigningSecret: nameOf(m.SigningSecret), ID: id,
	}
	diags = m.SubscribedEvents.ElementsAs(ctx, &d.SubscribedEvents, false)
	return d, !diags.HasError(), diags
}

// settings are what Gemini has of the configuration.
func (m *webhookModel) settings() []attr.Value {
	return []attr.Value{m.Name, m.URI, m.SubscribedEvents, m.Enabled}
}

// observe takes over all that Gemini shows.
func (m *webhookModel) observe(ctx context.Context, hook webhookadmin.Webhook) (diags diag.Diagnostics) {
	m.Name, m.URI = types.StringValue(hook.Name), types.StringValue(hook.URI)
	m.SubscribedEvents, diags = types.SetValueFrom(ctx, types.StringType, hook.SubscribedEvents)
	m.Enabled = types.BoolValue(hook.State == webhookadmin.StateEnabled)
	m.unplan()
	m.fill(hook)
	return diags
}

// unplan makes all that is computed unknown.
func (m *webhookModel) unplan() {
	unknown := types.StringUnknown()
	m.ID, m.State, m.CreateTime, m.UpdateTime = unknown, unknown, unknown, unknown
	m.SigningSecrets = types.ListUnknown(signingSecretType)
}

// fill sets what is computed and was not planned. What was planned stays, even
// if it turned out otherwise, for Terraform takes anything else for a bug; the
// next refresh shows how it is.
func (m *webhookModel) fill(hook webhookadmin.Webhook) {
	fill(&m.ID, types.StringValue(hook.ID))
	fill(&m.State, types.StringValue(hook.State))
	fill(&m.CreateTime, timeValue(hook.Created))
	fill(&m.UpdateTime, timeValue(hook.Updated))
	secrets := []attr.Value{}
	for _, s := range hook.SigningSecrets {
		secrets = append(secrets, types.ObjectValueMust(signingSecretType.AttrTypes, map[string]attr.Value{
			"truncated_secret": types.StringValue(s.Truncated), "expire_time": timeValue(s.Expires),
		}))
	}
	fill(&m.SigningSecrets, types.ListValueMust(signingSecretType, secrets))
}

func fill[T attr.Value](field *T, value T) {
	if (*field).IsUnknown() {
		*field = value
	}
}

// timeValue is RFC 3339, or null for the zero time.
func timeValue(t time.Time) types.String {
	if t.IsZero() {
		return types.StringNull()
	}
	return types.StringValue(t.UTC().Format(time.RFC3339Nano))
}
