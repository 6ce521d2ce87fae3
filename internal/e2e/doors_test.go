package e2e

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"

	"example.com/gemini-webhook/internal/event"
	"example.com/gemini-webhook/internal/localcloud"
	"example.com/gemini-webhook/internal/localcloud/push"
)

// What the private door refuses, and how (SPEC.md "The private door").
func TestPrivateDoor(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{})
	env := environment(r.cloud)
	mint := func(tokens *push.Tokens, audience, account string) http.Header {
		token, err := tokens.Mint(audience, account)
		must(t, err)
		return bearer(token)
	}
	audience, account := env["PUSH_AUDIENCE"], env["PUSH_SERVICE_ACCOUNT"]
	good := mint(r.cloud.Tokens, audience, account)
	foreign, err := push.NewTokens(nil)
	must(t, err)
	none := `{"alg":"none","typ":"JWT"}`
	claims := fmt.Sprintf(`{"aud":%q,"email":%q,"email_verified":true,"iss":"https://accounts.google.com","exp":4102444800}`, audience, account)
	unsigned := base64.RawURLEncoding.EncodeToString([]byte(none)) + "." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + "."

	message := func(kind, body string) string {
		data := event.Encode(event.Delivery{ID: "msg_forged", Mode: "static"}, []byte(body))
		return envelope(&pubsubpb.PubsubMessage{Data: data, Attributes: map[string]string{"kind": kind}, MessageId: "1"}, 1)
	}
	task := message("event", interaction("pushed"))
	const process = "/tasks/process"
	for _, test := range []struct {
		name, method, path string
		header             http.Header
		body               string
		status             int
		allow              string
	}{
		{"no token", "POST", process, nil, task, 401, ""},
		{"an empty token", "POST", process, bearer(""), task, 401, ""},
		{"no JWT", "POST", process, bearer("secret"), task, 401, ""},
		{"another audience", "POST", process, mint(r.cloud.Tokens, "https://elsewhere.example", account), task, 401, ""},
		{"another account", "POST", process, mint(r.cloud.Tokens, audience, "other@local-project.iam.gserviceaccount.com"), task, 401, ""},
		{"another signer", "POST", process, mint(foreign, audience, account), task, 401, ""},
		{"unsigned", "POST", process, bearer(unsigned), task, 401, ""},
		{"basic", "POST", process, http.Header{"Authorization": {"Basic dTpw"}}, task, 401, ""},
		{"a bad token before the body", "POST", process, bearer("x"), "{", 401, ""},
		{"no body", "POST", process, good, "", 400, ""},
		{"not JSON", "POST", process, good, "{", 400, ""},
		{"JSON of another shape", "POST", process, good, `[1,2]`, 400, ""},
		{"no message", "POST", process, good, `{"subscription":"s"}`, 400, ""},
		{"data that is no base64", "POST", process, good, `{"message":{"data":"%%%","attributes":{"kind":"event"}}}`, 400, ""},
		{"attributes of another shape", "POST", process, good, `{"message":{"data":"","attributes":{"kind":1}}}`, 400, ""},
		{"an unwrapped event", "POST", process, good, interaction("raw"), 400, ""},
		{"over 16 MiB", "POST", process, good, `{"message":{"data":"` + strings.Repeat("A", 17<<20) + `"}}`, 400, ""},
		{"a kind that nobody queues", "POST", process, good, message("other", "{}"), 500, ""},
		{"no kind", "POST", process, good, `{"message":{"data":"e30="}}`, 500, ""},
		{"an event that is none", "POST", process, good, `{"message":{"data":"e30=","attributes":{"kind":"event"}}}`, 500, ""},
		{"a range that is none", "POST", process, good, `{"message":{"data":"e30=","attributes":{"kind":"range"}}}`, 500, ""},
		{"a path beside it", "POST", "/tasks/other", good, task, 404, ""},
		{"a path below it", "POST", process + "/x", good, task, 404, ""},
		{"its folder", "POST", "/tasks/", good, task, 404, ""},
		{"another path, another method", "GET", "/tasks/other", nil, "", 404, ""},
		{"GET", "GET", process, good, "", 405, "POST"},
		{"PUT", "PUT", process, good, task, 405, "POST"},
		{"DELETE", "DELETE", process, nil, "", 405, "POST"},
		{"OPTIONS", "OPTIONS", process, nil, "", 405, "POST"},
		{"GET of the public door", "GET", hookPath, nil, "", 405, "POST"},
		{"PUT of health", "PUT", "/health", nil, "", 405, "GET, HEAD, POST"},
		{"a good one", "POST", process, good, task, 204, ""},
	} {
		a := send(t, test.method, r.url()+test.path, test.header, test.body)
		if a.status != test.status || a.header.Get("Allow") != test.allow {
			t.Errorf("%s: got %v, Allow %q, want %d, Allow %q", test.name, a, a.header.Get("Allow"), test.status, test.allow)
		}
	}
	r.wait("the good one's outcome", func() bool { return r.seen.has("interaction.completed") })
	if n := r.seen.count(localcloud.OutcomesTopic); n != 1 {
		t.Errorf("%d outcomes, want that of the good one", n)
	}
}

// A door that is closed is not there.
func TestClosedDoors(t *testing.T) {
	t.Parallel()
	cloud, err := localcloud.Start(t.Context(), localcloud.Options{})
	must(t, err)
	t.Cleanup(func() { must(t, cloud.Close()) })
	for door, want := range map[string][2]int{"public": {400, 404}, "tasks": {404, 401}} {
		t.Run(door, func(t *testing.T) {
			c := start(t, append(cloud.Env(), "DOORS="+door)...)
			for i, path := range []string{hookPath, "/tasks/process"} {
				if a := send(t, http.MethodPost, c.url()+path, nil, "{}"); a.status != want[i] {
					t.Errorf("POST %s: %v, want %d", path, a, want[i])
				}
			}
		})
	}
}

// Strangers who make up key ids cause few requests to the key set.
func TestMadeUpKeyIDs(t *testing.T) {
	t.Parallel()
	cloud, err := localcloud.Start(t.Context(), localcloud.Options{})
	must(t, err)
	t.Cleanup(func() { must(t, cloud.Close()) })
	var fetches atomic.Int64
	certs := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fetches.Add(1)
		cloud.Tokens.ServeHTTP(w, r)
	}))
	t.Cleanup(certs.Close)
	c := start(t, append(cloud.Env(), "PUSH_JWKS_URL="+certs.URL+push.CertsPath)...)
	env := environment(cloud)
	for i := range 50 {
		foreign := base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, `{"alg":"RS256","kid":"made-up-%d"}`, i))
		claims := base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, `{"aud":%q}`, env["PUSH_AUDIENCE"]))
		a := send(t, http.MethodPost, c.url()+"/tasks/process", bearer(foreign+"."+claims+"."+strings.Repeat("A", 342)), "{}")
		if a.status != http.StatusUnauthorized {
			t.Errorf("got %v, want 401", a)
		}
	}
	if n := fetches.Load(); n > 3 { // one every 5 s
		t.Errorf("50 made-up key ids caused %d requests", n)
	}
}
