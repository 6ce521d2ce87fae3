package e2e

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"example.com/gemini-webhook/internal/localcloud"
	"example.com/gemini-webhook/internal/localcloud/gemini"
	"example.com/gemini-webhook/verify/verifytest"
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

	spellings(t, r, token)
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

// spellings sends the token in paths of every form, under a signature that is
// good elsewhere: the answer must not repeat it.
func spellings(t *testing.T, r *rig, token string) {
	t.Helper()
	for _, path := range []string{
		"/dynamic/" + token, "//dynamic/" + token, "/./dynamic/" + token, "/x/../dynamic/" + token, "/dynamic//" + token,
		"/DYNAMIC/" + token, "/%64ynamic/" + token, "/dynamic%2f" + token, "/dynamic/" + token + "/../x", "/dynamic/x/../" + token,
		"/dynamic/" + token + "/", "/dynamic/" + token + "?x=1", "/%2e/dynamic/" + token, "/dynamic;x/" + token, `/dynamic\` + token,
		"/dynamic/" + url.PathEscape(strings.ReplaceAll(token, "-", "%2D")), "/tasks/../dynamic/" + token,
	} {
		body := interaction("spelling " + path[:4])
		header := verifytest.Static(r.secret, "msg_spelling", time.Now(), []byte(body))
		var request bytes.Buffer
		fmt.Fprintf(&request, "POST %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n", path, len(body))
		must(t, header.Write(&request))
		request.WriteString("\r\n" + body)
		conn, err := net.Dial("tcp", r.child.addr)
		must(t, err)
		_, err = request.WriteTo(conn)
		must(t, err)
		answer, err := io.ReadAll(conn)
		conn.Close()
		if err != nil || len(answer) == 0 || bytes.Contains(answer, []byte(token)) || bytes.Contains(answer, []byte("Location")) {
			t.Errorf("%s: %q, %v", strings.ReplaceAll(path, token, "TOKEN"), answer, err)
		}
	}
}

// foreign has Google sign an event of a job that is not ours, and returns its
// id and the receiver's answer.
func (r *rig) foreign(path, resource string, scheme gemini.Scheme) (eventID string, status int) {
	r.t.Helper()
	eventID, err := r.cloud.Gemini.EmitTo(r.url()+path, "interaction.completed", map[string]any{"id": resource}, gemini.EmitOptions{Scheme: scheme})
	must(r.t, err)
	r.wait("the delivery", func() bool {
		for _, d := range r.cloud.Gemini.Deliveries() {
			if d.ID == eventID {
				status = d.Status
			}
		}
		return status != 0
	})
	return eventID, status
}

// audience has the tokens name one.
func audience(name string) func(map[string]any) {
	return func(claims map[string]any) { claims["aud"] = name }
}

// A stranger can have Google sign what he likes, and post it to us.
func TestStrangersJobs(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{})
	_, err := r.operator.CreateToken(t.Context())
	must(t, err)
	for _, path := range []string{hookPath, "/dynamic/0123456789abcdefghijklmnopqrstuvwxyz", "/dynamic/", "/dynamic"} {
		for _, scheme := range []gemini.Scheme{gemini.SchemeEd25519, gemini.SchemeRS256} {
			if _, status := r.foreign(path, "theirs", scheme); status != 401 {
				t.Errorf("%s to %s: %d, want 401", scheme, path, status)
			}
		}
	}
	// No downgrade the other way: our own secret does not open a dynamic path.
	body := interaction("ours")
	got := send(t, "POST", r.url()+"/dynamic/0123456789abcdefghijklmnopqrstuvwxyz", r.signed("msg_ours", body), body)
	if got.String() != "401 mode_disabled" {
		t.Errorf("a signing secret's delivery on a dynamic path: %v, want 401 mode_disabled", got)
	}
	if n := r.seen.count(localcloud.OutcomesTopic); n != 0 {
		t.Errorf("%d outcomes, want 0", n)
	}
}

// DYNAMIC_OPEN accepts whoever's job it is, and says so; JWT_AUDIENCES narrows.
func TestDynamicOpenAndAudiences(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{
		env: []string{"DYNAMIC_OPEN=true", "JWT_AUDIENCES=ours,also-ours"},
		cloud: localcloud.Options{Gemini: gemini.Options{
			RetryBase: 24 * time.Hour, // one attempt each
			RetryMax:  24 * time.Hour,
			Token:     gemini.Token{Claims: audience("ours")},
		}},
	})
	for _, scheme := range []gemini.Scheme{gemini.SchemeEd25519, gemini.SchemeRS256} {
		id, status := r.foreign(hookPath, "open-"+string(scheme), scheme)
		if status != 200 {
			t.Fatalf("%s: %d, want 200", scheme, status)
		}
		r.wait("its outcome", func() bool { return len(r.seen.ofType(t, "interaction.completed")) > 0 && r.seen.idle() })
		found := false
		for _, o := range r.seen.ofType(t, "interaction.completed") {
			if o.EventID == id {
				found = o.Attributes["origin"] == "open" && o.Attributes["scheme"] == string(scheme)
			}
		}
		if !found {
			t.Errorf("%s: no outcome with origin open", scheme)
		}
	}
	r = newRig(t, options{
		env: []string{"DYNAMIC_OPEN=true", "JWT_AUDIENCES=ours"},
		cloud: localcloud.Options{Gemini: gemini.Options{
			RetryBase: 24 * time.Hour,
			RetryMax:  24 * time.Hour,
			Token:     gemini.Token{Claims: audience("https://elsewhere.example")},
		}},
	})
	if _, status := r.foreign(hookPath, "theirs", gemini.SchemeRS256); status != 401 {
		t.Errorf("another audience: %d, want 401", status)
	}
	if log := r.child.logs.String(); !strings.Contains(log, "https://elsewhere.example") || !strings.Contains(log, "audience_mismatch") {
		t.Errorf("the line does not name the audience to configure:\n%s", log)
	}
}
