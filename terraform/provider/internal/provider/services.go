package provider

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"google.golang.org/api/option"

	"example.com/gemini-webhook/internal/gcp/secretmanager"
	"example.com/gemini-webhook/internal/geminiapi"
	"example.com/gemini-webhook/internal/secret"
	"example.com/gemini-webhook/internal/webhookadmin"
)

// envAPIKey is the API key where the configuration names none.
const envAPIKey = "GEMINI_API_KEY"

var errNoKey = errors.New("none is configured; set api_key_secret of the provider or the resource, or the environment variable " + envAPIKey)

// services are what the resources work with. Clients are made when first needed.
type services struct {
	options Options
	config  providerModel
	secrets func() (*secretmanager.Client, error)
}

func newServices(options Options, config providerModel) *services {
	return &services{options: options, config: config, secrets: sync.OnceValues(func() (*secretmanager.Client, error) {
		var login []option.ClientOption
		if os.Getenv("SECRET_MANAGER_EMULATOR_HOST") == "" { // which asks for no credentials
			var err error
			if login, err = newLogin(config, os.Getenv).options(nil); err != nil {
				return nil, err
			}
		}
		return options.Secrets(context.Background(), login...) // the connection outlives the call that needs it first
	})}
}

// configured takes a resource's ProviderData, which is nil while Terraform only
// validates.
func configured(data any, diags *diag.Diagnostics) *services {
	s, ok := data.(*services)
	if data != nil && !ok {
		diags.AddError("The provider is broken", fmt.Sprintf("A resource was configured with %T.", data))
	}
	return s
}

// ready says whether the API key's whereabouts are known: while planning, they
// may depend on something that is not there yet.
func (s *services) ready(own types.String) bool {
	if !own.IsNull() {
		return !own.IsUnknown()
	}
	return !s.config.APIKey.IsUnknown() && !s.config.APIKeySecret.IsUnknown()
}

// admin administers with the API key in the resource's own secret, where it has
// one, else with the provider's.
func (s *services) admin(own types.String) (*webhookadmin.Admin, error) {
	secrets, err := s.secrets()
	if err != nil {
		return nil, err
	}
	webhooks := geminiapi.NewWebhooks(geminiapi.WebhooksConfig{
		Key:       func(ctx context.Context) (secret.Value, error) { return s.apiKey(ctx, secrets, own) },
		Transport: s.options.Transport,
	})
	return webhookadmin.New(webhooks, secrets, s.options.Now), nil
}

func (s *services) apiKey(ctx context.Context, secrets *secretmanager.Client, own types.String) (secret.Value, error) {
	if name := cmp.Or(nameOf(own), nameOf(s.config.APIKeySecret)); name != "" {
		return secrets.Latest(ctx, name)
	}
	if key := cmp.Or(s.config.APIKey.ValueString(), os.Getenv(envAPIKey)); key != "" {
		return secret.NewValue([]byte(key)), nil
	}
	return secret.Value{}, errNoKey
}
