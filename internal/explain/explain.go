// Package explain says of each check of a captured delivery whether it held, in the
// words of a person: what came, what was expected, what to do. The verdicts are
// package verify's own, of the whole delivery and of parts of it; where a signature
// fits nothing, the usual mistakes are tried.
//
// Nothing it says holds a secret, a path token or a signature.
package explain

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"example.com/gemini-webhook/internal/capture"
	"example.com/gemini-webhook/internal/event"
	"example.com/gemini-webhook/internal/secret"
	"example.com/gemini-webhook/verify"
)

// Version is a version of a signing secret or of the path tokens.
type Version struct {
	Name    string         // as people know it
	Refused string         // why receivers do not accept it; "" where they do
	Until   time.Time      // from when on they do not, for a newer one has replaced it; zero: never
	Text    secret.Value   // the payload
	Values  []secret.Value // what it is matched with
}

// Config is what a receiver would verify with.
type Config struct {
	Secrets   []Version     // nil: static deliveries are not accepted
	Tokens    []Version     // nil: dynamic paths are not accepted
	Keys      verify.KeySet // of the sender; nil: none
	Open      bool
	Audiences []string
	Issuers   []string
	Tolerance time.Duration
	Now       time.Time // when the delivery was captured
}

// Status of a check.
type Status string

const (
	Held   Status = "ok"
	Failed Status = "fail"
	Note   Status = "note" // it decides nothing
)

// Check is one thing that was looked at.
type Check struct {
	Name     string `json:"check"`
	Status   Status `json:"status"`
	Came     string `json:"came"`
	Expected string `json:"expected,omitempty"`
	Do       string `json:"do,omitempty"`
}

// Report is what there is to say of a delivery.
type Report struct {
	Genuine bool    `json:"genuine"`
	Status  int     `json:"status"`         // what this repository's receiver answers
	Code    string  `json:"code,omitempty"` // and with which error
	Checks  []Check `json:"checks"`
}

// explainer is one delivery being looked at.
type explainer struct {
	Config
	capture.Request
	checks []Check
}

// Explain looks at everything that a receiver looks at, also behind the first thing
// that is wrong.
func Explain(ctx context.Context, r capture.Request, c Config) Report {
	c.Secrets, c.Tokens = At(c.Secrets, c.Now), At(c.Tokens, c.Now)
	e := &explainer{Config: c, Request: r}
	e.method()
	for _, note := range r.Notes {
		e.say("capture", Note, note, "", "")
	}
	e.headers()
	e.path(ctx)
	parsed, err := verify.ParseHeaders(r.Header)
	var proof verify.Proof
	if err == nil {
		e.clock(parsed)
		e.signatures(ctx)
		proof, err = e.verifier(accepted(c.Secrets), accepted(c.Tokens)).Verify(ctx, r.Path, parsed, r.Body)
	}
	e.event(proof)
	if r.Method != http.MethodPost {
		return Report{false, http.StatusMethodNotAllowed, "method_not_allowed", e.checks}
	}
	code := verify.Code(err)
	return Report{err == nil, statusOf(code), code, e.checks}
}

func statusOf(code string) int {
	switch code {
	case "":
		return http.StatusOK
	case "missing_header", "bad_header":
		return http.StatusBadRequest
	case "unavailable":
		return http.StatusServiceUnavailable
	}
	return http.StatusUnauthorized
}

func (e *explainer) say(name string, status Status, came, expected, do string) {
	e.checks = append(e.checks, Check{name, status, came, expected, do})
}

func (e *explainer) method() {
	if e.Method == http.MethodPost {
		e.say("method", Held, "POST", "", "")
		return
	}
	e.say("method", Failed, fmt.Sprintf("%.20q", e.Method), "POST", "send deliveries by POST; a redirect may have made another method of it")
}

// headers looks at each of the three as if the others were good.
func (e *explainer) headers() {
	good := map[string]string{verify.HeaderID: "msg_1", verify.HeaderTimestamp: "1", verify.HeaderSignature: "v1,x"}
	for _, name := range []string{verify.HeaderID, verify.HeaderTimestamp, verify.HeaderSignature} {
		header := http.Header{}
		for other, value := range good {
			header[other] = []string{value}
		}
		delete(header, name)
		if values := e.Header.Values(name); values != nil {
			header[name] = values
		}
		_, err := verify.ParseHeaders(header)
		if name, shown := strings.ToLower(name), e.shown(name); err == nil {
			e.say(name, Held, shown, "", "")
		} else {
			e.say(name, Failed, shown, headerWants[name], adviceOf(err))
		}
	}
}

// shown is what may be said of a header: the signature is one's proof, and not told.
func (e *explainer) shown(name string) string {
	values := e.Header.Values(name)
	switch {
	case len(values) == 0:
		return "it is missing"
	case len(values) > 1:
		return fmt.Sprintf("it is there %d times", len(values))
	case name == verify.HeaderSignature:
		if n := len(strings.Fields(values[0])); n != 1 {
			return fmt.Sprintf("%d entries", n)
		}
		return "1 entry"
	}
	return fmt.Sprintf("%.300q", values[0])
}

func (e *explainer) clock(h verify.Headers) {
	sent := time.Unix(h.Timestamp, 0).UTC()
	distance := e.Now.Sub(sent).Round(time.Second)
	came := fmt.Sprintf("sent at %s, %s before %s", sent.Format(time.RFC3339), distance, e.Now.UTC().Format(time.RFC3339))
	if distance < 0 {
		came = fmt.Sprintf("sent at %s, %s after %s", sent.Format(time.RFC3339), -distance, e.Now.UTC().Format(time.RFC3339))
	}
	if err := h.CheckTime(e.Now, e.Tolerance); err != nil {
		e.say("clock", Failed, came, fmt.Sprintf("at most %s, either way", e.Tolerance), "if it is an older capture, webhookctl verify --now takes its time; else the delivery is a replay, or a clock is wrong")
		return
	}
	e.say("clock", Held, came, "", "")
}

// event says what was delivered.
func (e *explainer) event(proof verify.Proof) {
	body := e.Body
	if proof.Event != "" {
		body = []byte(proof.Event)
		e.say("event", Note, "the token carries the event, and the body says the same or nothing", "", "")
	}
	got := event.New(event.Delivery{}, body)
	switch {
	case !got.JSON:
		e.say("event", Note, fmt.Sprintf("the body is no JSON (%d bytes): its outcome will be unrecognized", len(body)), "", "")
	case got.Type == "":
		e.say("event", Note, "the body has no usable type: its outcome will be unrecognized", "", "")
	case !event.Known(got.Type):
		e.say("event", Note, fmt.Sprintf("%.80q, which is not in the catalogue: it is published under that name", got.Type), "", "")
	case got.ResourceID == "":
		e.say("event", Note, got.Type+" without data.id: nobody can tell what it is about", "", "")
	default:
		e.say("event", Held, fmt.Sprintf("%s of %.120q", got.SentType, got.ResourceID), "", "")
	}
}
