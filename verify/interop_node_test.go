package verify_test

import (
	"bytes"
	"encoding/base64"
	"testing"

	"example.com/gemini-webhook/internal/nodetest"
	"example.com/gemini-webhook/verify/verifytest"
)

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
		Keys    []any
		Entries []string
	}
	encoded := make([]string, len(bodies))
	for i, b := range bodies {
		encoded[i] = base64.StdEncoding.EncodeToString(b)
	}
	nodetest.Run(t, t.TempDir(), nodeV1a, map[string]any{"id": "msg_1", "timestamp": seconds, "bodies": encoded}, &made)
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
