// Package provider is the Terraform provider gemini: the resources
// gemini_webhook and gemini_webhook_token, and gemini_deletion_guard, which has
// nothing to do with Gemini. It is a thin layer on webhookadmin, which does the work and keeps what is needed to heal an interrupted apply in
// the signing secret's annotations; nothing of that is in Terraform's state.
//
// No secret passes through Terraform: signing secrets and tokens go from where
// they are made to Secret Manager, and the texts of all errors are free of them.
// The only secret that Terraform can come to know is the provider's api_key,
// where somebody sets it.
package provider

import (
	"context"
	"net/http"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"google.golang.org/api/option"

	"example.com/gemini-webhook/internal/gcp/secretmanager"
)

// Options are what the provider is made of; the zero value is for real use.
type Options struct {
	// Version is shown to Terraform.
	Version string
	// Transport carries the requests to Gemini; nil means http.DefaultTransport.
	Transport http.RoundTripper
	// Secrets connects to Secret Manager; nil means secretmanager.NewClientWith. It
	// is called once, when first needed.
	Secrets func(context.Context, ...option.ClientOption) (*secretmanager.Client, error)
	// Now is the wall clock; nil means time.Now.
	Now func() time.Time
}

// New returns what makes the provider.
func New(options Options) func() provider.Provider {
	if options.Secrets == nil {
		options.Secrets = secretmanager.NewClientWith
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	return func() provider.Provider { return &geminiProvider{options} }
}

type geminiProvider struct{ options Options }

// providerModel is the provider's block.
type providerModel struct {
	APIKey                    types.String `tfsdk:"api_key"`
	APIKeySecret              types.String `tfsdk:"api_key_secret"`
	Credentials               types.String `tfsdk:"credentials"`
	AccessToken               types.String `tfsdk:"access_token"`
	ImpersonateServiceAccount types.String `tfsdk:"impersonate_service_account"`
	BillingProject            types.String `tfsdk:"billing_project"`
}

// Metadata implements provider.Provider.
func (p *geminiProvider) Metadata(_ context.Context, _ provider.MetadataRequest, resp *provider.MetadataResponse) {
	resp.TypeName, resp.Version = "gemini", p.options.Version
}

// Schema implements provider.Provider.
func (p *geminiProvider) Schema(_ context.Context, _ provider.SchemaRequest, resp *provider.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: providerText,
		Attributes: map[string]schema.Attribute{
			"api_key": schema.StringAttribute{
				Optional:  true,
				Sensitive: true,
				MarkdownDescription: "API key of the Gemini API. Better is `api_key_secret`, or the environment variable `GEMINI_API_KEY`, " +
					"which is used where neither is set: a variable that is put in here ends up in saved plan files (`terraform plan -out`), " +
					"unless it is declared `ephemeral`.",
			},
			"api_key_secret": schema.StringAttribute{
				Optional:   true,
				Validators: []validator.String{secretName{}},
				MarkdownDescription: "Secret Manager secret (`projects/PROJECT/secrets/SECRET`) whose newest version is the API key. It is read at " +
					"each call and never shown to Terraform, so that a new version needs no change here. Not together with `api_key`; a " +
					"resource's own `api_key_secret` goes before.",
			},
			"credentials": schema.StringAttribute{
				Optional:            true,
				Sensitive:           true,
				MarkdownDescription: "Key file of a service account, or configuration of an external account: its path or its content. As `credentials` of the google provider.",
			},
			"access_token": schema.StringAttribute{
				Optional:            true,
				Sensitive:           true,
				MarkdownDescription: "OAuth 2.0 access token to use in place of credentials. As `access_token` of the google provider.",
			},
			"impersonate_service_account": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "E-mail address of the service account to act as. As `impersonate_service_account` of the google provider.",
			},
			"billing_project": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "Project whose quota of Secret Manager is used, where it is not that of the credentials. As `billing_project` of the google provider.",
			},
		},
	}
}

// ValidateConfig implements provider.ProviderWithValidateConfig.
func (p *geminiProvider) ValidateConfig(ctx context.Context, req provider.ValidateConfigRequest, resp *provider.ValidateConfigResponse) {
	var config providerModel
	if resp.Diagnostics.Append(req.Config.Get(ctx, &config)...); resp.Diagnostics.HasError() {
		return
	}
	if !config.APIKey.IsNull() && !config.APIKeySecret.IsNull() {
		resp.Diagnostics.AddAttributeError(path.Root("api_key"), "Two API keys", "Set api_key or api_key_secret, not both. Prefer api_key_secret.")
	}
}

// Configure implements provider.Provider. It makes no call, for what the
// provider needs may be made by the same apply.
func (p *geminiProvider) Configure(ctx context.Context, req provider.ConfigureRequest, resp *provider.ConfigureResponse) {
	var config providerModel
	if resp.Diagnostics.Append(req.Config.Get(ctx, &config)...); resp.Diagnostics.HasError() {
		return
	}
	resp.ResourceData = newServices(p.options, config)
}

// Resources implements provider.Provider.
func (p *geminiProvider) Resources(context.Context) []func() resource.Resource {
	return []func() resource.Resource{
		func() resource.Resource { return &webhookResource{} },
		func() resource.Resource { return &tokenResource{} },
		func() resource.Resource { return &guardResource{} },
	}
}

// DataSources implements provider.Provider.
func (p *geminiProvider) DataSources(context.Context) []func() datasource.DataSource { return nil }
