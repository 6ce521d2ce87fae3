package provider

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// TestLoginOrder: the block before the environment, a token before a key.
func TestLoginOrder(t *testing.T) {
	t.Parallel()
	text := func(s string) types.String { return types.StringValue(s) }
	tests := map[string]struct {
		config providerModel
		env    map[string]string
		want   login
	}{
		"nothing": {},
		"environment": {
			env:  map[string]string{"GOOGLE_CREDENTIALS": "key", "GCLOUD_KEYFILE_JSON": "other", "GOOGLE_IMPERSONATE_SERVICE_ACCOUNT": "sa"},
			want: login{credentials: "key", impersonate: "sa"},
		},
		"older name":      {env: map[string]string{"GCLOUD_KEYFILE_JSON": "key"}, want: login{credentials: "key"}},
		"token":           {env: map[string]string{"GOOGLE_OAUTH_ACCESS_TOKEN": "token"}, want: login{accessToken: "token"}},
		"block":           {config: providerModel{Credentials: text("key")}, env: map[string]string{"GOOGLE_OAUTH_ACCESS_TOKEN": "token"}, want: login{credentials: "key"}},
		"block's token":   {config: providerModel{AccessToken: text("token")}, env: map[string]string{"GOOGLE_CREDENTIALS": "key"}, want: login{accessToken: "token"}},
		"block's account": {config: providerModel{ImpersonateServiceAccount: text("a")}, env: map[string]string{"GOOGLE_IMPERSONATE_SERVICE_ACCOUNT": "b"}, want: login{impersonate: "a"}},
		"quota":           {env: map[string]string{"GOOGLE_BILLING_PROJECT": "p", "USER_PROJECT_OVERRIDE": "true"}, want: login{billingProject: "p"}},
		"quota, not told": {env: map[string]string{"GOOGLE_BILLING_PROJECT": "p"}},
		"block's quota":   {config: providerModel{BillingProject: text("p")}, want: login{billingProject: "p"}},
	}
	for name, test := range tests {
		got := newLogin(test.config, func(name string) string { return test.env[name] })
		if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(login{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// google answers the requests for tokens of Google's own library.
type google struct{ asked []string }

func (g *google) RoundTrip(r *http.Request) (*http.Response, error) {
	g.asked = append(g.asked, r.URL.Host+r.URL.Path+" "+r.Header.Get("Authorization"))
	answer := `{"access_token":"of-the-key","expires_in":3600,"token_type":"Bearer"}`
	if strings.HasSuffix(r.URL.Path, ":generateAccessToken") {
		answer = `{"accessToken":"of-the-account","expireTime":"2999-01-01T00:00:00Z"}`
	}
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(answer)), Request: r}, nil
}

// TestLoginTokens has Google's library get the tokens.
func TestLoginTokens(t *testing.T) {
	t.Parallel()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	der, err := x509.MarshalPKCS8PrivateKey(private)
	must(t, err)
	key, err := json.Marshal(map[string]string{
		"type": "service_account", "client_email": "deployer@p.iam.gserviceaccount.com", "private_key_id": "1", "token_uri": "https://oauth2.googleapis.com/token",
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
	})
	must(t, err)
	file := filepath.Join(t.TempDir(), "key.json")
	must(t, os.WriteFile(file, key, 0o600))
	const account = "iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/sa@p.iam.gserviceaccount.com:generateAccessToken "
	tests := map[string]struct {
		login login
		want  string
		asked []string
	}{
		"key":                     {login{credentials: string(key)}, "of-the-key", []string{"oauth2.googleapis.com/token "}},
		"key file":                {login{credentials: file}, "of-the-key", []string{"oauth2.googleapis.com/token "}},
		"token":                   {login{accessToken: "mine"}, "mine", nil},
		"account by a token":      {login{accessToken: "mine", impersonate: "sa@p.iam.gserviceaccount.com"}, "of-the-account", []string{account + "Bearer mine"}},
		"account by a key's file": {login{credentials: file, impersonate: "sa@p.iam.gserviceaccount.com"}, "of-the-account", []string{"oauth2.googleapis.com/token ", account + "Bearer of-the-key"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := &google{}
			creds, err := test.login.credentialsFor(&http.Client{Transport: g})
			must(t, err)
			token, err := creds.Token(t.Context())
			must(t, err)
			if token.Value != test.want {
				t.Errorf("token %q, want %q", token.Value, test.want)
			}
			if diff := cmp.Diff(test.asked, g.asked); diff != "" {
				t.Errorf("asked (-want +got):\n%s", diff)
			}
		})
	}
}

// TestLoginErrors: they say what to give, and hold nothing of what was given.
func TestLoginErrors(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"no-such-file-SECRET":                     "neither JSON nor a file",
		`{"type": SECRET`:                         "no JSON",
		`{"type":"magic","private_key":"SECRET"}`: `of type "magic"`,
		`{"type":"service_account","client_email":1,"private_key":"SEC"`: "no JSON",
	} {
		_, err := login{credentials: given}.options(nil)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "SEC") {
			t.Errorf("%q: %v, want an error with %q", given, err, want)
		}
	}
	if options, err := (login{}).options(nil); err != nil || options != nil {
		t.Errorf("without anything: %v, %v, want none", options, err)
	}
}
