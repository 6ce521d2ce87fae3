package provider

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	simulator "example.com/gemini-webhook/internal/localcloud/gemini"
)

// TestAPIKey: which one is used. It sets the environment, so it is not parallel.
func TestAPIKey(t *testing.T) {
	r := newRig(t, simulator.Options{})
	const own, both = "projects/p/secrets/own-key", "projects/p/secrets/provider-key"
	r.Store.Add(own, []byte("the resource's"))
	r.Store.Add(both, []byte("the provider's\n"))
	for _, test := range []struct {
		name, own, secret, key, env string
		want                        string
	}{
		{"the resource's secret", own, both, "", "env", "the resource's"},
		{"the provider's secret", "", both, "", "env", "the provider's"},
		{"the provider's key", "", "", "key", "env", "key"},
		{"the environment", "", "", "", "env", "env"},
		{"none", "", "", "", "", ""},
	} {
		t.Setenv(envAPIKey, test.env)
		optional := func(s string) types.String {
			if s == "" {
				return types.StringNull()
			}
			return types.StringValue(s)
		}
		s := newServices(Options{}, providerModel{APIKey: optional(test.key), APIKeySecret: optional(test.secret)})
		got, err := s.apiKey(t.Context(), r.Secrets, optional(test.own))
		if string(got.Reveal()) != test.want || errors.Is(err, errNoKey) != (test.want == "") {
			t.Errorf("%s: %q, %v, want %q", test.name, got.Reveal(), err, test.want)
		}
	}
}

// TestTwoKeys are refused, a single one is not.
func TestTwoKeys(t *testing.T) {
	t.Parallel()
	r := newRig(t, simulator.Options{})
	for _, test := range []struct {
		config values
		want   string
	}{
		{values{"api_key": text("k")}, ""},
		{values{"api_key_secret": text(keySecret)}, ""},
		{values{"api_key": text("k"), "api_key_secret": text(keySecret)}, "not both"},
		{values{"api_key_secret": text("api-key")}, "projects/PROJECT/secrets/SECRET"},
	} {
		server, err := r.process()
		must(t, err)
		config, err := providerConfig(test.config)
		must(t, err)
		resp, err := server.ValidateProviderConfig(t.Context(), &tfprotov6.ValidateProviderConfigRequest{Config: config})
		must(t, err)
		err = (&workspace{}).note(resp.Diagnostics)
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v: %v, want %q", test.config, err, test.want)
		}
	}
}

// TestKeyIsKnownLater: while the API key's secret is not known, a webhook is
// planned without a look at it, and a refresh leaves it as it is.
func TestKeyIsKnownLater(t *testing.T) {
	t.Parallel()
	r, w := created(t)
	w.provider = values{"api_key_secret": tftypes.NewValue(tftypes.String, tftypes.UnknownValue)}
	r.Faults.Set(func(string) fault { return dead })
	if changed := w.mustPlan(r.webhook()); len(changed) > 0 {
		t.Errorf("planned %v", changed)
	}
	w.warned("known only after apply")
	other := newWorkspace(r, "gemini_webhook")
	other.provider = w.provider
	if diff := cmp.Diff([]string{"created"}, other.mustPlan(r.webhook())); diff != "" {
		t.Errorf("planned (-want +got):\n%s", diff)
	}
}
