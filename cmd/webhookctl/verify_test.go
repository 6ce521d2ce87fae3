package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"example.com/gemini-webhook/internal/explain"
	"example.com/gemini-webhook/internal/localcloud/secrets"
	"example.com/gemini-webhook/internal/vectors"
	"example.com/gemini-webhook/verify/verifytest"
)

const deskSecret = "projects/p/secrets/signing"

// deskRig is Secret Manager with two versions of a signing secret and one of a path
// token, and files for a command line. What is printed must not have a secret in it.
type deskRig struct {
	*testing.T
	store        *secrets.Server
	older, newer string
	token        string
	dir          string
}

func newDesk(t *testing.T) *deskRig {
	t.Helper()
	f := vectors.Published().Keys
	r := &deskRig{
		T: t, store: start(t), dir: t.TempDir(),
		newer: f[vectors.KeysRotated].Secrets[0], older: f[vectors.KeysRotated].Secrets[1], token: f[vectors.KeysDynamic].PathTokens[0],
	}
	r.store.Add(deskSecret, []byte(r.older))
	r.store.Add(deskSecret, []byte(r.newer))
	r.store.Add(tokenName, []byte(r.token))
	t.Setenv("SIGNING_SECRETS", deskSecret)
	t.Setenv("DYNAMIC_TOKEN_SECRET", tokenName)
	return r
}

// file writes a file and gives its name.
func (r *deskRig) file(name, text string) string {
	r.Helper()
	name = filepath.Join(r.dir, name)
	must(r, os.WriteFile(name, []byte(text), 0o600))
	return name
}

// do runs a command line, checks its code, and that no secret is printed.
func (r *deskRig) do(want int, args ...string) (out, messages string) {
	r.Helper()
	out, messages, code := webhookctl(r.T, args...)
	if code != want {
		r.Fatalf("webhookctl %s: code %d, want %d\n%s%s", strings.Join(args, " "), code, want, out, messages)
	}
	for _, hidden := range []string{r.older, r.newer, strings.TrimPrefix(r.newer, "whsec_"), r.token} {
		if strings.Contains(out+messages, hidden) {
			r.Errorf("webhookctl %s prints a secret", args[0])
		}
	}
	return out, messages
}

// captured is a delivery as JSON.
func captured(t *testing.T, r vectors.Request) string {
	t.Helper()
	text, err := json.Marshal(r)
	must(t, err)
	return string(text)
}

// TestVerifyCommand: which version signed, at the time of the capture, and what is
// wrong otherwise.
func TestVerifyCommand(t *testing.T) {
	r := newDesk(t)
	deliver := func(secret string, at time.Time) string {
		header := verifytest.Static(secret, "msg_1", at, []byte("{}"))
		request := vectors.Request{Method: "POST", Path: "/gemini", Body: []byte("{}")}
		for name := range header {
			request.Headers = append(request.Headers, [2]string{name, header.Get(name)})
		}
		return r.file("request.json", captured(t, request))
	}
	now := time.Now()
	stamp := func(at time.Time) string { return "--now=" + at.UTC().Format(time.RFC3339) }

	out, _ := r.do(codeDone, "verify", deliver(r.newer, now))
	if !strings.Contains(out, deskSecret+"/versions/2") || !strings.Contains(out, "the receiver answers 200") {
		t.Errorf("the newest version: %s", out)
	}
	if out, _ = r.do(codeDone, "verify", deliver(r.older, now)); !strings.Contains(out, deskSecret+"/versions/1") {
		t.Errorf("during the overlap: %s", out)
	}
	later := now.Add(48 * time.Hour)
	if out, _ = r.do(codeFailed, "verify", deliver(r.older, later), stamp(later)); !strings.Contains(out, "its overlap ended at") {
		t.Errorf("after the overlap: %s", out)
	}
	if out, _ = r.do(codeFailed, "verify", deliver(r.older, now), "--revoked-versions="+deskSecret+"/versions/1"); !strings.Contains(out, "REVOKED_VERSIONS") {
		t.Errorf("revoked: %s", out)
	}
	if out, _ = r.do(codeFailed, "verify", deliver(r.newer, now), stamp(now.Add(time.Hour))); !strings.Contains(out, "FAIL  clock") {
		t.Errorf("stale: %s", out)
	}
	out, _ = r.do(codeFailed, "verify", "--json", "--now=1", deliver(r.newer, now))
	var report explain.Report
	must(t, json.Unmarshal([]byte(out), &report))
	if report.Genuine || report.Status != 401 || report.Code != "timestamp_out_of_range" || len(report.Checks) < 6 {
		t.Errorf("--json: %+v", report)
	}
	if out, _ = r.do(codeDone, "verify", deliver(r.older, now), "--secret-file="+r.file("secret", r.older+"\n")); !strings.Contains(out, "secret") {
		t.Errorf("of a file: %s", out)
	}
}

// TestVerifyVectors: a vector is a request that the command reads, and the path's
// token and the key set are looked at.
func TestVerifyVectors(t *testing.T) {
	r := newDesk(t)
	f := vectors.Published()
	keys, err := json.Marshal(f.Keys[vectors.KeysDynamic].JWKS)
	must(t, err)
	set := r.file("jwks.json", string(keys))
	for _, v := range f.Vectors {
		if v.Name != "jwt/carries-event" && v.Name != "v1a/genuine" && v.Name != "jwt/expired" && v.Name != "header/id-with-dot" {
			continue
		}
		text, err := json.Marshal(v)
		must(t, err)
		want := codeDone
		if !v.Expect.Accepted {
			want = codeFailed
		}
		out, _ := r.do(want, "verify", r.file("vector.json", string(text)), "--now=1772366400", "--jwks-file="+set)
		if v.Keys == vectors.KeysDynamic && !strings.Contains(out, "under the token "+tokenName+"/versions/1") || !strings.Contains(out, v.Expect.Code) {
			t.Errorf("%s: %s", v.Name, out)
		}
	}
}

// TestVerifyUsage: what cannot be read, and what there is nothing to verify with.
func TestVerifyUsage(t *testing.T) {
	r := newDesk(t)
	good := r.file("good", "POST / HTTP/1.1\n\n")
	for name, args := range map[string][]string{
		"no request":       {},
		"no file":          {r.dir + "/absent"},
		"nothing on stdin": {"-"},
		"no form":          {r.file("text", "hello")},
		"a time":           {good, "--now=yesterday"},
		"no secret file":   {good, "--secret-file=" + r.dir + "/absent"},
		"no key set":       {good, "--jwks-file=" + r.dir + "/absent"},
		"a bad key set":    {good, "--jwks-file=" + r.file("jwks", "{}")},
		"nothing to use":   {good, "--signing-secrets=", "--token-secret="},
	} {
		if name == "nothing to use" {
			t.Setenv("SIGNING_SECRETS", "")
			t.Setenv("DYNAMIC_TOKEN_SECRET", "")
			args = args[:1]
			r.do(codeUsage, append([]string{"verify"}, args...)...)
			t.Setenv("SIGNING_SECRETS", deskSecret)
			continue
		}
		r.do(codeUsage, append([]string{"verify"}, args...)...)
	}
	text := "POST / HTTP/1.1\n\n"
	if out, messages, code := answered(t, t.Context(), &text, "verify", "-"); code != codeFailed || !strings.Contains(out, "400 missing_header") {
		t.Errorf("standard input: code %d, %s%s", code, out, messages)
	}
	r.file("weak", "short")
	if out, _ := r.do(codeFailed, "verify", good, "--secret-file="+r.dir+"/weak"); !strings.Contains(out, "missing_header") {
		t.Errorf("a weak secret: %s", out)
	}
}
