package doctor

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"example.com/gemini-webhook/internal/secret"
)

const (
	maxAnswerBytes = 4096 // ours have some 30; Google's pages are not read further

	runbookRefused = "docs/runbooks/deliveries-refused.md"
	runbook503     = "docs/runbooks/deliveries-503.md"
)

// answer is what a door answered. Code is the error's in the body, empty where
// the answer is not the receiver's.
type answer struct {
	status int
	code   string
}

func (d *doctor) ask(ctx context.Context, method, address string, header map[string]string) (answer, error) {
	var body io.Reader
	if method == http.MethodPost {
		body = strings.NewReader("{}")
	}
	req, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return answer{}, errors.New("it is not a URL")
	}
	req.Header.Set("User-Agent", "webhookctl-doctor")
	for name, value := range header {
		req.Header.Set(name, value)
	}
	res, err := d.HTTP.Do(req)
	if err != nil {
		if withURL, ok := errors.AsType[*url.Error](err); ok {
			err = withURL.Err
		}
		return answer{}, err
	}
	defer res.Body.Close()
	var said struct {
		Error string `json:"error"`
	}
	text, _ := io.ReadAll(io.LimitReader(res.Body, maxAnswerBytes))
	if json.Unmarshal(text, &said) != nil {
		said.Error = ""
	}
	return answer{res.StatusCode, said.Error}, nil
}

// below is an address below the public door's.
func (d *doctor) below(path string) string { return strings.TrimSuffix(d.URL, "/") + path }

func (d *doctor) publicDoor(ctx context.Context, f *finding) {
	health, err := d.ask(ctx, http.MethodGet, d.below("/health"), nil)
	if err != nil {
		f.fail("check --url: it is the output webhook_uri without its path, or the function's URL", "%s cannot be reached: %s", d.URL, oneLine(err))
		return
	}
	switch {
	case health.status == http.StatusOK:
	case health.status == http.StatusForbidden || health.status == http.StatusUnauthorized:
		f.fail("grant roles/run.invoker on it to allUsers (gcloud run services add-iam-policy-binding); an organization policy, iam.allowedPolicyMemberDomains, may forbid it: docs/deploy.md",
			"Cloud Run answers %d: Gemini cannot call it", health.status)
		return
	case health.status == http.StatusNotFound:
		f.fail("check --url, and that the ingress is all (gcloud run services update --ingress=all)", "there is nothing at %s: 404", d.URL)
		return
	default:
		f.fail("see its log for errors at start, such as a variable that is not set", "GET /health answers %d", health.status)
		return
	}
	unsigned, err := d.ask(ctx, http.MethodPost, d.below("/"), nil)
	switch {
	case err != nil:
		f.fail("run it again", "an unsigned delivery got no answer: %s", oneLine(err))
	case unsigned.code != "" && (unsigned.status == http.StatusBadRequest || unsigned.status == http.StatusUnauthorized):
		f.ok("%s answers, and refuses an unsigned delivery (%d %s)", d.URL, unsigned.status, unsigned.code)
	case unsigned.status == http.StatusNotFound:
		f.fail("set DOORS=public (or both) on this function, or give the URL of the public door", "its public door is closed: an unsigned delivery gets 404")
	case unsigned.status/100 == 5:
		f.fail("see its log and "+runbook503, "an unsigned delivery gets %d", unsigned.status)
	default:
		f.fail("check --url: this is another program", "an unsigned delivery gets %d, want 400 and the receiver's error", unsigned.status)
	}
}

// staticDeliveries sends a delivery that is signed with no key of anybody's: the
// receiver must have read its secrets to know that.
func (d *doctor) staticDeliveries(ctx context.Context, f *finding) {
	got, err := d.forged(ctx, "/", "v1,")
	d.judge(f, got, err, "signature_mismatch", "SIGNING_SECRETS", d.SigningSecret)
}

func (d *doctor) dynamicDeliveries(ctx context.Context, f *finding) {
	got, err := d.forged(ctx, "/dynamic/"+rand.Text()+rand.Text(), "v1a,")
	if d.TokenSecret == "" && err == nil && got.code == "mode_disabled" {
		f.ok("not accepted, as no token secret is expected")
		return
	}
	d.judge(f, got, err, "origin_unproven", "DYNAMIC_TOKEN_SECRET", d.TokenSecret)
}

// forged sends a delivery with a random signature.
func (d *doctor) forged(ctx context.Context, path, scheme string) (answer, error) {
	signature := make([]byte, 64)
	if scheme == "v1," {
		signature = signature[:32]
	}
	_, _ = rand.Read(signature) // never fails: it ends the program instead
	return d.ask(ctx, http.MethodPost, d.below(path), map[string]string{
		"webhook-id":        "doctor-" + rand.Text(),
		"webhook-timestamp": strconv.FormatInt(d.Now().Unix(), 10),
		"webhook-signature": scheme + base64.StdEncoding.EncodeToString(signature),
	})
}

// judge wants a refusal with the code that shows that the secret was read.
func (d *doctor) judge(f *finding, got answer, err error, want, variable string, name secret.Name) {
	switch {
	case err != nil:
		f.fail("see what the check of the public door says", "no answer: %s", oneLine(err))
	case got.code == want:
		f.ok("a forged one is refused (%d %s), so the secrets can be read", got.status, got.code)
	case got.code == "mode_disabled":
		f.fail("set "+variable+"="+string(name)+" on the public door and deploy", "not configured: the public door answers mode_disabled")
	case got.code == "timestamp_out_of_range":
		f.warn("set this machine's clock", "could not check: this machine's clock differs from the receiver's by more than REPLAY_TOLERANCE")
	case got.code == "unavailable":
		f.fail("grant "+d.PublicAccount+" roles/secretmanager.secretAccessor and secretmanager.versions.list (roles/secretmanager.viewer) on "+string(name)+
			", and see that it has an enabled version; "+runbook503, "the public door cannot read its secrets or keys: 503 to a forged delivery")
	case got.code == "":
		f.fail("see what the check of the public door says", "the answer, %d, is not the receiver's", got.status)
	default:
		f.warn("see "+runbookRefused, "a forged delivery gets %d %s, want %s", got.status, got.code, want)
	}
}

// privateDoor asks where Pub/Sub pushes to, without a token.
func (d *doctor) privateDoor(ctx context.Context, f *finding) {
	name := d.id("queue-events")
	sub, err := d.subscription(ctx, name)
	if err != nil {
		f.warn("see what the check of the subscription says", "could not check: subscription %s cannot be read", name)
		return
	}
	endpoint := sub.GetPushConfig().GetPushEndpoint()
	if endpoint == "" {
		f.warn("see what the check of the subscription says", "could not check: subscription %s has no endpoint", name)
		return
	}
	got, err := d.ask(ctx, http.MethodPost, endpoint, nil)
	shared := sameHost(endpoint, d.URL)
	switch {
	case err != nil:
		f.ok("not reachable from here (%s)", oneLine(err))
	case got.status == http.StatusNotFound && shared:
		f.fail("set DOORS=both on the function, or push to the one with DOORS=tasks", "%s is closed: 404, so Pub/Sub's pushes fail", endpoint)
	case got.status == http.StatusUnauthorized, got.status == http.StatusForbidden, got.status == http.StatusNotFound:
		f.ok("%s refuses whoever has no token: %d", endpoint, got.status)
	case got.status/100 == 5:
		f.fail("see its log", "%s answers %d", endpoint, got.status)
	default:
		f.fail("push to the receiver's /tasks/process alone", "%s answers %d to whoever has no token, want 401, 403 or 404", endpoint, got.status)
	}
}

func sameHost(a, b string) bool {
	u, errU := url.Parse(a)
	v, errV := url.Parse(b)
	return errU == nil && errV == nil && u.Host == v.Host
}
