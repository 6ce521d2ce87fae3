package provider

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"example.com/gemini-webhook/internal/secret"
	"example.com/gemini-webhook/internal/webhookadmin"
)

// subscribable are the events that the API accepts in subscribed_events.
var subscribable = webhookadmin.SubscribableEvents

// unsubscribable are documented events that it does not accept there.
var unsubscribable = []string{"batch.cancelled", "interaction.cancelled"}

// undescribed is a validator whose attribute's text says all.
type undescribed struct{}

func (undescribed) Description(context.Context) string         { return "" }
func (undescribed) MarkdownDescription(context.Context) string { return "" }

// secretName wants projects/P/secrets/S.
type secretName struct{ undescribed }

func (secretName) ValidateString(_ context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	v := req.ConfigValue
	if _, err := secret.ParseName(v.ValueString()); err != nil && !v.IsNull() && !v.IsUnknown() {
		resp.Diagnostics.AddAttributeError(req.Path, "Not the name of a secret",
			"Want projects/PROJECT/secrets/SECRET, which is the id of a google_secret_manager_secret.")
	}
}

// nameOf is the name in an attribute. It was parsed while planning; what was not
// known then is refused by Secret Manager.
func nameOf(v types.String) secret.Name { return secret.Name(v.ValueString()) }

// deliveryURL wants what Gemini may deliver to.
type deliveryURL struct{ undescribed }

func (deliveryURL) ValidateString(_ context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if v := req.ConfigValue; !v.IsNull() && !v.IsUnknown() {
		if webhookadmin.CheckURI(v.ValueString()) != nil {
			resp.Diagnostics.AddAttributeError(req.Path, "Not an https URL", "Want https://HOST/PATH. Plain http is for this machine alone: http://localhost, 127.0.0.1 or [::1].")
		}
	}
}

// notBlank wants a text.
type notBlank struct{ undescribed }

func (notBlank) ValidateString(_ context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if v := req.ConfigValue; !v.IsNull() && !v.IsUnknown() && strings.TrimSpace(v.ValueString()) == "" {
		resp.Diagnostics.AddAttributeError(req.Path, "Empty", "Give a name: it is what an interrupted creation is healed by.")
	}
}

// behavior wants a webhookadmin.Behavior.
type behavior struct{ undescribed }

func (behavior) ValidateString(_ context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	all := []string{string(webhookadmin.After24h), string(webhookadmin.Immediately)}
	if v := req.ConfigValue; !v.IsNull() && !v.IsUnknown() && !slices.Contains(all, v.ValueString()) {
		resp.Diagnostics.AddAttributeError(req.Path, "Unknown revocation", "Want "+strings.Join(all, " or ")+".")
	}
}

// events wants at least one, and warns of those that the API is not known to
// accept: it may come to accept more.
type events struct{ undescribed }

func (events) ValidateSet(ctx context.Context, req validator.SetRequest, resp *validator.SetResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	var names []types.String
	resp.Diagnostics.Append(req.ConfigValue.ElementsAs(ctx, &names, false)...)
	if len(names) == 0 {
		resp.Diagnostics.AddAttributeError(req.Path, "No event", "Name at least one of "+strings.Join(subscribable, ", ")+".")
	}
	for _, name := range names {
		switch event := name.ValueString(); {
		case name.IsNull():
			resp.Diagnostics.AddAttributeError(req.Path, "No event", "An element is null.")
		case name.IsUnknown() || slices.Contains(subscribable, event):
		case slices.Contains(unsubscribable, event):
			resp.Diagnostics.AddAttributeWarning(req.Path, "Event that cannot be subscribed to",
				fmt.Sprintf("%s is a documented event, but the API does not accept it in subscribed_events.", event))
		default:
			resp.Diagnostics.AddAttributeWarning(req.Path, "Unknown event",
				fmt.Sprintf("%q is not known to this version of the provider; the API decides. Known are %s.", event, strings.Join(subscribable, ", ")))
		}
	}
}
