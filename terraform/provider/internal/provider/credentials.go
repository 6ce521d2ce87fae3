package provider

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"

	"cloud.google.com/go/auth"
	"cloud.google.com/go/auth/credentials"
	"cloud.google.com/go/auth/credentials/impersonate"
	"cloud.google.com/go/auth/httptransport"
	"google.golang.org/api/option"
)

const cloudPlatform = "https://www.googleapis.com/auth/cloud-platform"

// login says as whom Secret Manager is called: the arguments and environment
// variables of the google provider, so that one setting serves both. The zero
// value is Application Default Credentials.
type login struct {
	credentials    string // a key file's path or content
	accessToken    string
	impersonate    string // e-mail address of a service account
	billingProject string // that quota is taken from
}

// newLogin reads the provider's block first and then the environment. As with
// the google provider, an access token counts before credentials, except that
// what the block says counts before what the environment says.
func newLogin(config providerModel, getenv func(string) string) login {
	env := func(names ...string) string {
		for _, name := range names {
			if value := getenv(name); value != "" {
				return value
			}
		}
		return ""
	}
	l := login{
		credentials:    config.Credentials.ValueString(),
		accessToken:    config.AccessToken.ValueString(),
		impersonate:    cmp.Or(config.ImpersonateServiceAccount.ValueString(), env("GOOGLE_IMPERSONATE_SERVICE_ACCOUNT")),
		billingProject: config.BillingProject.ValueString(),
	}
	if l.credentials == "" && l.accessToken == "" {
		l.accessToken = env("GOOGLE_OAUTH_ACCESS_TOKEN")
		l.credentials = env("GOOGLE_CREDENTIALS", "GOOGLE_CLOUD_KEYFILE_JSON", "GCLOUD_KEYFILE_JSON")
	}
	if l.billingProject == "" && strings.EqualFold(env("USER_PROJECT_OVERRIDE"), "true") {
		l.billingProject = env("GOOGLE_BILLING_PROJECT")
	}
	return l
}

// options are those of the Secret Manager client; none for Application Default
// Credentials. client carries the requests for tokens; nil is the default one.
// It makes no request. Its errors hold nothing of a key.
func (l login) options(client *http.Client) ([]option.ClientOption, error) {
	var options []option.ClientOption
	creds, err := l.credentialsFor(client)
	if err != nil {
		return nil, err
	}
	if creds != nil {
		options = append(options, option.WithAuthCredentials(creds))
	}
	if l.billingProject != "" {
		options = append(options, option.WithQuotaProject(l.billingProject))
	}
	return options, nil
}

// credentialsFor gives nil for Application Default Credentials.
func (l login) credentialsFor(client *http.Client) (*auth.Credentials, error) {
	creds, err := l.base(client)
	if err != nil || l.impersonate == "" {
		return creds, err
	}
	caller, err := authorized(creds, client)
	if err != nil {
		return nil, err
	}
	creds, err = impersonate.NewCredentials(&impersonate.CredentialsOptions{
		TargetPrincipal: l.impersonate,
		Scopes:          []string{cloudPlatform},
		Credentials:     creds,
		Client:          caller,
	})
	if err != nil {
		return nil, fmt.Errorf("impersonate %s: %w", l.impersonate, err)
	}
	return creds, nil
}

// base is who calls, or who impersonates; nil for the default.
func (l login) base(client *http.Client) (*auth.Credentials, error) {
	switch {
	case l.accessToken != "":
		return auth.NewCredentials(&auth.CredentialsOptions{TokenProvider: staticToken(l.accessToken)}), nil
	case l.credentials == "":
		return nil, nil
	}
	text := []byte(l.credentials)
	if !strings.HasPrefix(strings.TrimSpace(l.credentials), "{") {
		var err error
		if text, err = os.ReadFile(l.credentials); err != nil {
			return nil, errors.New("credentials (GOOGLE_CREDENTIALS) are neither JSON nor a file that can be read")
		}
	}
	var key struct{ Type credentials.CredType }
	if err := json.Unmarshal(text, &key); err != nil {
		return nil, errors.New("credentials (GOOGLE_CREDENTIALS) are no JSON of a key or of an external account")
	}
	creds, err := credentials.NewCredentialsFromJSON(key.Type, text, &credentials.DetectOptions{Scopes: []string{cloudPlatform}, Client: client})
	if err != nil {
		return nil, fmt.Errorf("credentials (GOOGLE_CREDENTIALS) of type %q cannot be used; want those of a service account, a user or an external account", key.Type)
	}
	return creds, nil
}

// authorized is client with the base's tokens, for impersonation over a client
// of the caller's; nil where the library makes its own.
func authorized(creds *auth.Credentials, client *http.Client) (*http.Client, error) {
	if creds == nil || client == nil {
		return nil, nil
	}
	return httptransport.NewClient(&httptransport.Options{Credentials: creds, BaseRoundTripper: client.Transport, DisableTelemetry: true})
}

type staticToken string

// Token implements auth.TokenProvider.
func (t staticToken) Token(context.Context) (*auth.Token, error) {
	return &auth.Token{Value: string(t), Type: "Bearer"}, nil
}
