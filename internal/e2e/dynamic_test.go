package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"example.com/gemini-webhook/internal/localcloud"
	"example.com/gemini-webhook/internal/localcloud/gemini"
)

// Jobs with webhooks of their own, made by the official SDK and signed with
// Google's keys in both schemes, come through; keys that are new are accepted
// within 10 s; and the path token shows nowhere.
func TestDynamicDeliveries(t *testing.T) {
	t.Parallel()
	schemes := map[string]gemini.Scheme{"v1a": gemini.SchemeEd25519, "jwt": gemini.SchemeRS256}
	r := newRig(t, options{
		env: []string{"LOG_LEVEL=debug"},
		cloud: localcloud.Options{Gemini: gemini.Options{
			ResultPointer:     gemini.PointerBucket,
			DynamicSigningFor: func(uri string) gemini.Scheme { return schemes[uri[strings.LastIndexByte(uri, '/')+1:]] },
		}},
	})
	token, err := r.operator.CreateToken(t.Context())
	must(t, err)
	jobs := make(map[string]string)
	for label := range schemes {
		requests := strings.NewReader(strings.Repeat(`{"request":{"contents":[{"parts":[{"text":"question"}]}]}}`+"\n", 20))
		jobs[label], err = r.operator.RunBatchTo(t.Context(), label, requests, r.url()+"/dynamic/"+token+"/"+label, map[string]any{"team": label})
		must(t, err)
	}
	r.wait("both jobs", func() bool { return len(r.seen.ofType(t, "batch.completed")) == 2 })
	for _, o := range r.seen.ofType(t, "batch.completed") {
		label := o.Attributes["meta_team"]
		got := fmt.Sprintf("%s: %d lines, %s %s %s %s", o.ResourceID, o.Results.Total, o.Attributes["mode"], o.Attributes["scheme"], o.Attributes["origin"], o.Attributes["path"])
		want := fmt.Sprintf("%s: 20 lines, dynamic %s path_token /dynamic/%s", jobs[label], schemes[label], label)
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if signer, ok := o.Attributes["signer"]; ok {
			t.Errorf("signer %q: no secret of ours signed", signer)
		}
	}

	r.cloud.Gemini.RotateKeys()
	id, err := r.cloud.Gemini.EmitTo(r.url()+"/dynamic/"+token+"/v1a", "interaction.completed", map[string]any{"id": "after"}, gemini.EmitOptions{})
	must(t, err)
	begin := time.Now()
	r.wait("a delivery signed with a new key", func() bool {
		for _, o := range r.seen.ofType(t, "interaction.completed") {
			if o.EventID == id {
				return true
			}
		}
		return false
	})
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("a new key is accepted after %v, want 10 s at most", took)
	}

	r.wait("the queue", r.seen.idle)
	for topic, all := range r.seen.all() {
		for _, o := range all {
			if text := string(o.raw) + fmt.Sprint(o.Attributes); strings.Contains(text, token) {
				t.Errorf("the token is in a message of %s: %s", topic, text)
			}
		}
	}
	if strings.Contains(r.child.logs.String(), token) {
		t.Error("the token is in the log")
	}
}

// DYNAMIC_OPEN accepts whoever's job it is, and says so; JWT_AUDIENCES narrows,
// and the log names the audience to configure.
func TestDynamicOpenAndAudiences(t *testing.T) {
	t.Parallel()
	const elsewhere = "https://elsewhere.example"
	audience := "" // of the next token
	r := newRig(t, options{
		env: []string{"DYNAMIC_OPEN=true", "JWT_AUDIENCES=ours,also-ours"},
		cloud: localcloud.Options{Gemini: gemini.Options{
			RetryBase: 24 * time.Hour, // one attempt each
			RetryMax:  24 * time.Hour,
			Claims:    func(claims map[string]any) { claims["aud"] = audience },
		}},
	})
	for _, test := range []struct {
		scheme   gemini.Scheme
		audience string
		want     int
	}{
		{gemini.SchemeEd25519, "", http.StatusOK},
		{gemini.SchemeRS256, "ours", http.StatusOK},
		{gemini.SchemeRS256, elsewhere, http.StatusUnauthorized},
	} {
		audience = test.audience
		id, err := r.cloud.Gemini.EmitTo(r.url()+hookPath, "interaction.completed", map[string]any{"id": test.scheme}, gemini.EmitOptions{Scheme: test.scheme})
		must(t, err)
		status := 0
		r.wait("the delivery", func() bool {
			for _, d := range r.cloud.Gemini.Deliveries() {
				if d.ID == id {
					status = d.Status
				}
			}
			return status != 0
		})
		if status != test.want {
			t.Errorf("%s for audience %q: %d, want %d", test.scheme, test.audience, status, test.want)
		}
	}
	r.wait("two outcomes", func() bool { return len(r.seen.ofType(t, "interaction.completed")) == 2 && r.seen.idle() })
	for _, o := range r.seen.ofType(t, "interaction.completed") {
		if o.Attributes["origin"] != "open" || o.Attributes["scheme"] != o.ResourceID {
			t.Errorf("origin %s, scheme %s, want open and %s", o.Attributes["origin"], o.Attributes["scheme"], o.ResourceID)
		}
	}
	if log := r.child.logs.String(); !strings.Contains(log, elsewhere) || !strings.Contains(log, "audience_mismatch") {
		t.Errorf("the line does not name the audience to configure:\n%s", log)
	}
}
