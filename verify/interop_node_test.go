package verify_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"example.com/gemini-webhook/verify/verifytest"
)

// joseVersion is that of the package on the npm registry.
const joseVersion = "6.2.17"

// node runs a script with an input, and decodes what it prints. It skips the
// test where there is no Node.
func node(t *testing.T, dir, script string, input, output any) {
	t.Helper()
	path, err := exec.LookPath("node")
	if err != nil {
		t.Skip("there is no node in PATH")
	}
	file := filepath.Join(dir, "script.mjs")
	must(t, os.WriteFile(file, []byte(script), 0o600))
	text, err := json.Marshal(input)
	must(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, file)
	cmd.Stdin = bytes.NewReader(text)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("node: %v\n%s", err, &stderr)
	}
	if err := json.Unmarshal(out, output); err != nil {
		t.Fatalf("node printed %q: %v", out, err)
	}
}

const nodeV1a = `
import { generateKeyPairSync, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
const { id, timestamp, bodies } = JSON.parse(readFileSync(0));
const keys = [generateKeyPairSync('ed25519'), generateKeyPairSync('ed25519')];
console.log(JSON.stringify({
  keys: keys.map(k => k.publicKey.export({ format: 'jwk' })),
  entries: bodies.map((body, i) => 'v1a,' + sign(null,
    Buffer.concat([Buffer.from(id + '.' + timestamp + '.'), Buffer.from(body, 'base64')]),
    keys[i % keys.length].privateKey).toString('base64')),
}));`

// Signatures that Node's own crypto made are accepted, its keys as it exports them.
func TestInteropNodeCrypto(t *testing.T) {
	t.Parallel()
	bodies := [][]byte{body, nil, []byte("\x00\xff no JSON"), bytes.Repeat([]byte("x"), 100_000)}
	var made struct {
		Keys    []json.RawMessage
		Entries []string
	}
	encoded := make([]string, len(bodies))
	for i, b := range bodies {
		encoded[i] = base64.StdEncoding.EncodeToString(b)
	}
	node(t, t.TempDir(), nodeV1a, map[string]any{"id": "msg_1", "timestamp": seconds, "bodies": encoded}, &made)
	r := newDynamicRig(t)
	r.all.Keys = newKeySet(serveKeys(t, made.Keys...), r.Now)
	for i, b := range bodies {
		header := verifytest.Headers("msg_1", seconds, made.Entries[i])
		if _, got := r.send(t, dynamicPath, header, b); got != "ok" {
			t.Errorf("body %d: got %s", i, got)
		}
		if _, got := r.send(t, dynamicPath, header, append([]byte("x"), b...)); got != "signature_mismatch" {
			t.Errorf("body %d changed: got %s", i, got)
		}
	}
}

func serveKeys(t *testing.T, keys ...json.RawMessage) string {
	t.Helper()
	document, err := json.Marshal(map[string]any{"keys": keys})
	must(t, err)
	return serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(document) }))
}

const nodeJose = `
import { SignJWT, exportJWK, generateKeyPair } from 'jose';
import { readFileSync } from 'node:fs';
const made = { keys: [], tokens: {} };
const pairs = {};
for (const [name, { alg, claims, header }] of Object.entries(JSON.parse(readFileSync(0)))) {
  if (!pairs[alg]) {
    pairs[alg] = await generateKeyPair(alg, { extractable: true });
    made.keys.push({ ...await exportJWK(pairs[alg].publicKey), kid: alg, alg, use: 'sig' });
  }
  made.tokens[name] = await new SignJWT(claims).setProtectedHeader({ alg, kid: alg, ...header }).sign(pairs[alg].privateKey);
}
console.log(JSON.stringify(made));`

// Tokens that Node's jose made are accepted and refused as they should be.
func TestInteropJose(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it installs a package; run without -short")
	}
	npm, err := exec.LookPath("npm")
	if err != nil {
		t.Skip("there is no npm in PATH")
	}
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	install := exec.CommandContext(ctx, npm, "install", "--prefix", dir, "--prefer-offline", "--no-audit", "--no-fund", "--ignore-scripts", "jose@"+joseVersion)
	if out, err := install.CombinedOutput(); err != nil {
		t.Skipf("jose cannot be installed, is the npm registry there? %v\n%s", err, out)
	}
	type token struct {
		Alg    string         `json:"alg"`
		Claims map[string]any `json:"claims"`
		Header map[string]any `json:"header,omitempty"`
	}
	claims := func(more ...any) map[string]any {
		c := map[string]any{"iss": "them", "aud": "us", "iat": start.Unix(), "exp": start.Add(time.Minute).Unix()}
		for i := 0; i < len(more); i += 2 {
			c[more[i].(string)] = more[i+1]
		}
		return c
	}
	batch := map[string]any{"id": "batch_1"}
	tests := map[string]struct {
		token
		want string
	}{
		"RS256":            {token{"RS256", claims(), nil}, "ok"},
		"with typ":         {token{"RS256", claims(), map[string]any{"typ": "JWT"}}, "ok"},
		"with an event":    {token{"RS256", claims("type", "batch.succeeded", "data", batch), nil}, "ok"},
		"another event":    {token{"RS256", claims("type", "batch.failed", "data", batch), nil}, "body_mismatch"},
		"a list":           {token{"RS256", claims("aud", []string{"others", "us"}), nil}, "ok"},
		"another audience": {token{"RS256", claims("aud", "others"), nil}, "audience_mismatch"},
		"another issuer":   {token{"RS256", claims("iss", "us"), nil}, "issuer_mismatch"},
		"expired":          {token{"RS256", claims("exp", start.Add(-time.Hour).Unix()), nil}, "token_expired"},
		"not yet":          {token{"RS256", claims("nbf", start.Add(time.Hour).Unix()), nil}, "token_not_yet_valid"},
		"old":              {token{"RS256", claims("iat", start.Add(-time.Hour).Unix()), nil}, "timestamp_out_of_range"},
		"another kid":      {token{"RS256", claims(), map[string]any{"kid": "other"}}, "unknown_key"},
		"RS512":            {token{"RS512", claims(), nil}, "algorithm_not_allowed"},
		"PS256":            {token{"PS256", claims(), nil}, "algorithm_not_allowed"},
		"ES256":            {token{"ES256", claims(), nil}, "algorithm_not_allowed"},
		"EdDSA":            {token{"EdDSA", claims(), nil}, "algorithm_not_allowed"},
	}
	input := make(map[string]token)
	for name, tc := range tests {
		input[name] = tc.token
	}
	var made struct {
		Keys   []json.RawMessage
		Tokens map[string]string
	}
	node(t, dir, nodeJose, input, &made)
	r := newDynamicRig(t, audiences("us"), issuers("them"))
	r.all.Keys = newKeySet(serveKeys(t, made.Keys...), r.Now)
	for name, tc := range tests {
		if _, got := r.send(t, dynamicPath, verifytest.Headers("msg_1", seconds, made.Tokens[name]), body); got != tc.want {
			t.Errorf("%s: got %s, want %s", name, got, tc.want)
		}
	}
}
