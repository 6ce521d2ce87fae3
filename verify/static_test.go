package verify_test

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/gemini-webhook/internal/secret"
	"example.com/gemini-webhook/internal/secret/store/storetest"
	"example.com/gemini-webhook/verify"
	"example.com/gemini-webhook/verify/verifytest"
)

// delivery is a genuine one, until a test breaks one thing.
type delivery struct {
	path   string
	header http.Header
	body   []byte
	now    time.Time
}

// deliveries are what is changed of one, and the outcome.
type deliveries map[string]struct {
	change func(*delivery)
	want   string
}

func entries(list ...string) func(*delivery) {
	return set("webhook-signature", strings.Join(list, " "))
}

func set(name, value string) func(*delivery) { return func(d *delivery) { d.header.Set(name, value) } }

// run sends each of them to a rig of its own.
func (tests deliveries) run(t *testing.T, issuer *verifytest.Issuer, genuine func() delivery, options ...dynamicOption) {
	t.Helper()
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newDynamicRigOf(t, issuer, options...)
			d := genuine()
			tc.change(&d)
			r.Add(d.now.Sub(start))
			if _, got := r.send(t, d.path, d.header, d.body); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}

func TestVerify(t *testing.T) {
	t.Parallel()
	good := genuine().Get("webhook-signature")
	other := verifytest.Static(payload2, "msg_1", start, body).Get("webhook-signature")
	tests := deliveries{
		"genuine": {func(*delivery) {}, "ok"},
		"empty body, signed": {func(d *delivery) {
			d.body, d.header = nil, verifytest.Static(payload1, "msg_1", start, nil)
		}, "ok"},
		"body changed":     {func(d *delivery) { d.body = append([]byte(" "), d.body...) }, "signature_mismatch"},
		"body cut":         {func(d *delivery) { d.body = d.body[:10] }, "signature_mismatch"},
		"id changed":       {set("webhook-id", "msg_2"), "signature_mismatch"},
		"time changed":     {set("webhook-timestamp", "1795262401"), "signature_mismatch"},
		"other secret":     {entries(other), "signature_mismatch"},
		"tolerance":        {func(d *delivery) { d.now = start.Add(5 * time.Minute) }, "ok"},
		"too old":          {func(d *delivery) { d.now = start.Add(5*time.Minute + time.Second) }, "timestamp_out_of_range"},
		"too new":          {func(d *delivery) { d.now = start.Add(-5*time.Minute - time.Second) }, "timestamp_out_of_range"},
		"re-split id":      {set("webhook-id", "msg_1.1795262400"), "bad_header"},
		"any path":         {func(d *delivery) { d.path = "/some/where" }, "ok"},
		"root":             {func(d *delivery) { d.path = "/" }, "ok"},
		"/tasks":           {func(d *delivery) { d.path = "/tasks" }, "ok"},
		"/dynamic alone":   {func(d *delivery) { d.path = "/dynamic" }, "ok"},
		"/dynamics/x":      {func(d *delivery) { d.path = "/dynamics/x" }, "ok"},
		"/x/dynamic/token": {func(d *delivery) { d.path = "/x/dynamic/token" }, "ok"},
		"dynamic path":     {func(d *delivery) { d.path = "/dynamic/token" }, "mode_disabled"},
		"without token":    {func(d *delivery) { d.path = "/dynamic/" }, "mode_disabled"},
		"escaped dynamic":  {func(d *delivery) { d.path = "/%64ynamic/token/label" }, "mode_disabled"},

		"old and new key, new first": {entries(other, good), "ok"},
		"old and new key, old first": {entries(good, other), "ok"},
		"beside unknown versions":    {entries("v0,abc", "v2,"+good[3:], good), "ok"},
		"beside garbage":             {entries("garbage", good), "ok"},
		"beside a bad v1a":           {entries("v1a,AAAA", good), "ok"},
		"beside a bad JWT":           {entries("eyJh.eyJi.c2ln", good), "ok"},
		"the 32nd entry":             {entries(strings.TrimSpace(strings.Repeat(other+" ", 31)), good), "ok"},

		"unknown version":          {entries("v2," + good[3:]), "signature_mismatch"},
		"upper case version":       {entries("V1," + good[3:]), "signature_mismatch"},
		"as v1a":                   {entries("v1a," + good[3:]), "origin_unproven"},
		"JWT":                      {entries("eyJh.eyJi.c2ln"), "origin_unproven"},
		"v1a and another secret":   {entries("v1a,AAAA", other), "origin_unproven"},
		"signature cut":            {entries(good[:20]), "signature_mismatch"},
		"signature longer":         {entries(good + "AAAA"), "signature_mismatch"},
		"signature as prefix":      {entries(good + ",junk"), "signature_mismatch"},
		"signature twice in one":   {entries("v1,v1," + good[3:]), "signature_mismatch"},
		"signature without pad":    {entries(strings.TrimRight(good, "=")), "signature_mismatch"},
		"signature in base64url":   {entries("v1," + toURL(good[3:])), "signature_mismatch"},
		"signature in hexadecimal": {entries("v1," + toHex(good[3:])), "signature_mismatch"},
		"trailing bits set":        {entries(good[:len(good)-2] + nextLetter(good[len(good)-2]) + "="), "signature_mismatch"},
		"signature of zeros":       {entries("v1," + strings.Repeat("A", 43) + "="), "signature_mismatch"},
	}
	for i := range sha256.Size { // every byte counts
		sum, err := base64.StdEncoding.DecodeString(good[len("v1,"):])
		if err != nil {
			t.Fatal(err)
		}
		sum[i] ^= 1
		tests[fmt.Sprintf("byte %d of the signature changed", i)] = struct {
			change func(*delivery)
			want   string
		}{entries("v1," + base64.StdEncoding.EncodeToString(sum)), "signature_mismatch"}
	}
	tests.run(t, newEd25519Issuer(t), func() delivery { return delivery{"/hook", genuine(), body, start} }, withoutDynamic)
}

// toURL re-encodes a signature whose form differs in base64url only by its
// alphabet; a signature without + and / would be the same text.
func toURL(s string) string {
	url := strings.NewReplacer("+", "-", "/", "_").Replace(s)
	if url == s {
		panic("the signature has no + or /, choose another body")
	}
	return url
}

func toHex(s string) string {
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return fmt.Sprintf("%x", b)
}

// nextLetter makes the base64 letter before the padding another one of the same two bytes.
func nextLetter(c byte) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	return string(alphabet[strings.IndexByte(alphabet, c)+1])
}

func TestVerifyProof(t *testing.T) {
	t.Parallel()
	source := storetest.Of(secretA, payload1)
	source.Add(secretB, payload2, start)
	r := newRig(source, []secret.Name{secretA, secretB})
	want := verify.Proof{Mode: "static", Scheme: "hmac-sha256", Origin: "signing_secret", Signer: secretB, Version: verify.Version{Secret: secretB, Created: start}}

	h := parsed(t, verifytest.Static(payload2, "msg_1", start, body))
	got, err := r.all.Verify(t.Context(), "/hook", h, body)
	must(t, err)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("proof (-want +got):\n%s", diff)
	}

	// Genuine but stale: refused, and the log can say whose it is.
	r.Add(time.Hour)
	got, err = r.all.Verify(t.Context(), "/hook", h, body)
	stale, ok := errors.AsType[*verify.StaleError](err)
	if code := verify.Code(err); code != "timestamp_out_of_range" || !ok || got != (verify.Proof{}) {
		t.Fatalf("stale: got %q, %+v", code, got)
	}
	if diff := cmp.Diff(want, stale.Proof); diff != "" {
		t.Errorf("proof of a stale delivery (-want +got):\n%s", diff)
	}
	got, err = r.all.Verify(t.Context(), "/hook", h, nil)
	_, ok = errors.AsType[*verify.StaleError](err)
	if code := verify.Code(err); code != "timestamp_out_of_range" || ok || got != (verify.Proof{}) {
		t.Errorf("stale and forged: got %q, %+v, %t", code, got, ok)
	}
}

func TestVerifyWithoutSecrets(t *testing.T) {
	t.Parallel()
	for signature, want := range map[string]string{
		genuine().Get("webhook-signature"): "mode_disabled",
		"v2,abc":                           "mode_disabled",
		"v1a,abc":                          "origin_unproven",
	} {
		v := &verify.Verifier{Tolerance: time.Minute, Now: newClock().Now}
		h := parsed(t, verifytest.Headers("msg_1", seconds, signature))
		_, err := v.Verify(t.Context(), "/hook", h, body)
		if got := outcome(err); got != want {
			t.Errorf("%.4s…: got %s, want %s", signature, got, want)
		}
	}
}

// What cannot be of any secret of ours costs no look-up.
func TestVerifyHopelessWithoutLookup(t *testing.T) {
	t.Parallel()
	source := storetest.NewSource()
	source.Do(func() { source.Err[secretA] = errDown })
	r := newRig(source, nil)
	for signature, want := range map[string]string{
		"v1,AAAA":        "signature_mismatch",
		"v2,AAAA":        "signature_mismatch",
		"v1a,AAAA":       "origin_unproven",
		"eyJh.eyJi.c2ln": "origin_unproven",
	} {
		h := parsed(t, verifytest.Headers("msg_1", seconds, signature))
		_, err := r.all.Verify(t.Context(), "/hook", h, body)
		if got := outcome(err); got != want {
			t.Errorf("%s: got %s, want %s", signature, got, want)
		}
	}
	if lists, accesses := source.Lookups(); lists+accesses != 0 {
		t.Errorf("%d lists and %d accesses, want none", lists, accesses)
	}
}
