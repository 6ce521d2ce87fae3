package verify_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/gemini-webhook/verify"
	"example.com/gemini-webhook/verify/verifytest"
)

// A genuine v1a delivery, and one thing broken.
func TestDynamicEd25519(t *testing.T) {
	t.Parallel()
	rig := newDynamicRig(t)
	other, err := verifytest.NewIssuer()
	must(t, err)
	must(t, other.SetEd25519("ed-1")) // the kid of ours, another key
	good := rig.ed25519().Get("webhook-signature")
	signature, err := base64.StdEncoding.DecodeString(good[4:])
	must(t, err)
	tests := deliveries{
		"genuine":                 {func(*delivery) {}, "ok"},
		"by the key without kid":  {entries(rig.issuer.Ed25519(1, "msg_1", seconds, body)), "ok"},
		"by the third key":        {entries(rig.issuer.Ed25519(2, "msg_1", seconds, body)), "ok"},
		"by another's key":        {entries(other.Ed25519(0, "msg_1", seconds, body)), "signature_mismatch"},
		"body changed":            {func(d *delivery) { d.body = append([]byte(" "), d.body...) }, "signature_mismatch"},
		"body cut":                {func(d *delivery) { d.body = d.body[:10] }, "signature_mismatch"},
		"body empty":              {func(d *delivery) { d.body = nil }, "signature_mismatch"},
		"id changed":              {set("webhook-id", "msg_2"), "signature_mismatch"},
		"time changed":            {set("webhook-timestamp", "1795262401"), "signature_mismatch"},
		"id missing":              {func(d *delivery) { d.header.Del("webhook-id") }, "missing_header"},
		"tolerance":               {func(d *delivery) { d.now = start.Add(5 * time.Minute) }, "ok"},
		"too old":                 {func(d *delivery) { d.now = start.Add(5*time.Minute + time.Second) }, "timestamp_out_of_range"},
		"too new":                 {func(d *delivery) { d.now = start.Add(-5*time.Minute - time.Second) }, "timestamp_out_of_range"},
		"without label":           {func(d *delivery) { d.path = "/dynamic/" + token1 }, "ok"},
		"slash at the end":        {func(d *delivery) { d.path = "/dynamic/" + token1 + "/" }, "ok"},
		"many labels":             {func(d *delivery) { d.path = "/dynamic/" + token1 + "/a/b%2Fc" }, "ok"},
		"all percent-encoded":     {func(d *delivery) { d.path = "/%64%79%6E%61%6D%69%63/%54" + token1[1:] }, "ok"},
		"token percent-encoded":   {func(d *delivery) { d.path = "/dynamic/%54" + token1[1:] }, "ok"},
		"dynamic percent-encoded": {func(d *delivery) { d.path = "/%64ynamic/" + token1 }, "ok"},

		"signature cut":           {entries(good[:40]), "signature_mismatch"},
		"signature longer":        {entries(good + "AAAA"), "signature_mismatch"},
		"signature without pad":   {entries(strings.TrimRight(good, "=")), "signature_mismatch"},
		"signature in base64url":  {entries("v1a," + strings.NewReplacer("+", "-", "/", "_").Replace(good[4:])), "signature_mismatch"},
		"trailing bits set":       {entries(good[:len(good)-3] + nextLetter(good[len(good)-3]) + "=="), "signature_mismatch"},
		"half of it":              {entries("v1a," + base64.StdEncoding.EncodeToString(signature[:32])), "signature_mismatch"},
		"signature of zeros":      {entries("v1a," + base64.StdEncoding.EncodeToString(make([]byte, 64))), "signature_mismatch"},
		"upper case version":      {entries("V1A," + good[4:]), "signature_mismatch"},
		"unknown version":         {entries("v2a," + good[4:]), "signature_mismatch"},
		"as v1":                   {entries("v1," + good[4:]), "mode_disabled"},
		"among unknown versions":  {entries("v0,abc", "v2,"+good[4:], good), "ok"},
		"two signatures, second":  {entries(other.Ed25519(0, "msg_1", seconds, body), good), "ok"},
		"two signatures, first":   {entries(good, other.Ed25519(0, "msg_1", seconds, body)), "ok"},
		"beside a bad JWT":        {entries("eyJh.eyJi.c2ln", good), "ok"},
		"beside garbage":          {entries("garbage", good), "ok"},
		"the 32nd entry":          {entries(strings.Repeat(other.Ed25519(0, "msg_1", seconds, body)+" ", 31) + good), "ok"},
		"a v1 of ours beside":     {entries(verifytest.HMAC(decode(payload1), "msg_1", seconds, body), good), "ok"},
		"a v1 beside a bad v1a":   {entries(verifytest.HMAC(decode(payload1), "msg_1", seconds, body), "v1a,AAAA"), "mode_disabled"},
		"a bad JWT, and none v1a": {entries("eyJh.eyJi.c2ln"), "bad_token"},
	}
	if !strings.ContainsAny(good, "+/") {
		t.Log("the signature has no + or /: base64url is not tried")
		delete(tests, "signature in base64url")
	}
	tests.run(t, rig.issuer, func() delivery {
		return delivery{dynamicPath, rig.issuer.DeliverEd25519("msg_1", start, body), body, start}
	})
}

// Which paths accept what, and what is said where they do not.
func TestDynamicPaths(t *testing.T) {
	t.Parallel()
	rig := newDynamicRig(t)
	const wrong = "/dynamic/" + token2
	hmac := func() http.Header { return genuine() }
	ed25519 := func() http.Header { return rig.ed25519() }
	jwt := func() http.Header { return rig.jwt(t) }
	forged := func() http.Header { return verifytest.Headers("msg_1", seconds, "v1a,"+strings.Repeat("A", 86)+"==") }
	unknown := func() http.Header { return verifytest.Headers("msg_1", seconds, "v2,abc") }
	option := func(list ...dynamicOption) []dynamicOption { return list }
	tests := map[string]struct {
		options []dynamicOption
		path    string
		header  func() http.Header
		want    string // code, or origin
	}{
		"v1a, token":                 {nil, dynamicPath, ed25519, "path_token"},
		"JWT, token":                 {nil, dynamicPath, jwt, "path_token"},
		"HMAC, token":                {nil, dynamicPath, hmac, "mode_disabled"},
		"forged, token":              {nil, dynamicPath, forged, "signature_mismatch"},
		"unknown version, token":     {nil, dynamicPath, unknown, "signature_mismatch"},
		"v1a, wrong token":           {nil, wrong, ed25519, "origin_unproven"},
		"JWT, wrong token":           {nil, wrong, jwt, "origin_unproven"},
		"HMAC, wrong token":          {nil, wrong, hmac, "mode_disabled"},
		"forged, wrong token":        {nil, wrong, forged, "origin_unproven"},
		"unknown, wrong token":       {nil, wrong, unknown, "origin_unproven"},
		"v1a, no token":              {nil, "/dynamic/", ed25519, "origin_unproven"},
		"v1a, token as label":        {nil, "/dynamic/label/" + token1, ed25519, "origin_unproven"},
		"v1a, empty segment":         {nil, "/dynamic//" + token1, ed25519, "origin_unproven"},
		"v1a, token and more":        {nil, "/dynamic/" + token1 + "A", ed25519, "origin_unproven"},
		"v1a, token cut":             {nil, "/dynamic/" + token1[:len(token1)-1], ed25519, "origin_unproven"},
		"v1a, token in capitals":     {nil, "/dynamic/" + strings.ToUpper(token1), ed25519, "origin_unproven"},
		"v1a, token encoded twice":   {nil, "/dynamic/%2554" + token1[1:], ed25519, "origin_unproven"},
		"v1a, broken escape":         {nil, "/dynamic/%zz" + token1, ed25519, "origin_unproven"},
		"v1a, white space":           {nil, "/dynamic/" + token1 + "%20", ed25519, "origin_unproven"},
		"v1a, slash within":          {nil, "/dynamic/" + token1 + "%2Flabel", ed25519, "origin_unproven"},
		"v1a, matrix parameter":      {nil, "/dynamic/" + token1 + ";v=1", ed25519, "origin_unproven"},
		"v1a, the token's secret":    {nil, "/dynamic/" + tokenSecret, ed25519, "origin_unproven"},
		"v1a, a signing secret":      {nil, "/dynamic/" + payload1, ed25519, "origin_unproven"},
		"v1a, not configured":        {option(withoutTokens), dynamicPath, ed25519, "mode_disabled"},
		"JWT, not configured":        {option(withoutTokens), dynamicPath, jwt, "mode_disabled"},
		"HMAC, not configured":       {option(withoutTokens), dynamicPath, hmac, "mode_disabled"},
		"v1a, open, not configured":  {option(withoutTokens, open), dynamicPath, ed25519, "mode_disabled"},
		"HMAC, open, not configured": {option(withoutTokens, open), dynamicPath, hmac, "mode_disabled"},
		"v1a, nothing dynamic":       {option(withoutDynamic), dynamicPath, ed25519, "mode_disabled"},
		"v1a, open, wrong token":     {option(open), wrong, ed25519, "origin_unproven"},
		"v1a, open, token":           {option(open), dynamicPath, ed25519, "path_token"},
		"HMAC, open, token":          {option(open), dynamicPath, hmac, "mode_disabled"},
		"v1a, token, no static mode": {option(withoutStatic), dynamicPath, ed25519, "path_token"},

		"HMAC, other path":                 {nil, "/hook", hmac, "signing_secret"},
		"v1a, other path":                  {nil, "/hook", ed25519, "origin_unproven"},
		"JWT, other path":                  {nil, "/hook", jwt, "origin_unproven"},
		"v1a, other path, no static mode":  {option(withoutStatic), "/hook", ed25519, "origin_unproven"},
		"v1a, other path, nothing dynamic": {option(withoutDynamic), "/hook", ed25519, "origin_unproven"},
		"v1a, token elsewhere":             {nil, "/hook/dynamic/" + token1, ed25519, "origin_unproven"},
		"v1a, token as path":               {nil, "/" + token1, ed25519, "origin_unproven"},
		"v1a, capitals":                    {nil, "/Dynamic/" + token1, ed25519, "origin_unproven"},
		"v1a, dynamic encoded twice":       {nil, "/%2564ynamic/" + token1, ed25519, "origin_unproven"},
		"v1a, two slashes":                 {nil, "//dynamic/" + token1, ed25519, "origin_unproven"},
		"v1a, encoded slash":               {nil, "/dynamic%2F" + token1, ed25519, "origin_unproven"},
		"v1a, dot segment":                 {nil, "/x/../dynamic/" + token1, ed25519, "origin_unproven"},
		"v1a, /dynamic alone":              {nil, "/dynamic", ed25519, "origin_unproven"},
		"HMAC, /dynamic alone":             {nil, "/dynamic", hmac, "signing_secret"},
		"v1a, open":                        {option(open), "/hook", ed25519, "open"},
		"JWT, open":                        {option(open), "/", jwt, "open"},
		"v1a, open, no tokens":             {option(open, withoutTokens), "/tasks", ed25519, "open"},
		"v1a, open, no static mode":        {option(open, withoutStatic), "/hook", ed25519, "open"},
		"HMAC, open":                       {option(open), "/hook", hmac, "signing_secret"},
		"HMAC, open, no static mode":       {option(open, withoutStatic), "/hook", hmac, "mode_disabled"},
		"forged, open":                     {option(open), "/hook", forged, "signature_mismatch"},
		"unknown version, open":            {option(open), "/hook", unknown, "signature_mismatch"},
		"v1a, open, audiences":             {option(open, audiences("us")), "/hook", ed25519, "open"},
		"JWT, open, another audience":      {option(open, audiences("us")), "/hook", jwt, "audience_mismatch"},
		"JWT, open, our audience":          {option(open, audiences(verifytest.Audience)), "/hook", jwt, "open"},
		"JWT, our audience does not admit": {option(audiences(verifytest.Audience), issuers(verifytest.TokenFrom)), "/hook", jwt, "origin_unproven"},
		"nor with a wrong token":           {option(audiences(verifytest.Audience), issuers(verifytest.TokenFrom)), wrong, jwt, "origin_unproven"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			proof, got := newDynamicRigOf(t, rig.issuer, tc.options...).send(t, tc.path, tc.header(), body)
			if got == "ok" {
				got = proof.Origin
			}
			if got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}

// One good entry under a mode that the path allows is enough. Where none is,
// what the path does not allow names the code, and else the refusal that says most.
func TestDynamicSeveralEntries(t *testing.T) {
	t.Parallel()
	rig := newDynamicRig(t)
	hmac, badHMAC := genuine().Get("webhook-signature"), verifytest.HMAC([]byte("another"), "msg_1", seconds, body)
	v1a, badV1a := rig.ed25519().Get("webhook-signature"), "v1a,"+strings.Repeat("A", 86)+"=="
	jwt := rig.jwt(t).Get("webhook-signature")
	mismatch := rig.jwt(t, verifytest.Carry([]byte(`{"type":"x","data":{}}`))).Get("webhook-signature")
	expired := rig.jwt(t, verifytest.Claim("exp", start.Add(-time.Hour).Unix())).Get("webhook-signature")
	unknown := rig.jwt(t, verifytest.Header("kid", "key-9")).Get("webhook-signature")
	const unsigned = "eyJhbGciOiJub25lIiwia2lkIjoiayJ9.e30."
	tests := []struct {
		entries                string
		token, other, openPath string // code or scheme on these paths
	}{
		{hmac, "mode_disabled", "hmac-sha256", "hmac-sha256"},
		{badHMAC, "mode_disabled", "signature_mismatch", "signature_mismatch"},
		{v1a, "ed25519", "origin_unproven", "ed25519"},
		{jwt, "rs256", "origin_unproven", "rs256"},
		{hmac + " " + v1a, "ed25519", "hmac-sha256", "hmac-sha256"},
		{v1a + " " + jwt, "ed25519", "origin_unproven", "ed25519"},
		{badHMAC + " " + v1a, "ed25519", "origin_unproven", "ed25519"},
		{badHMAC + " " + jwt, "rs256", "origin_unproven", "rs256"},
		{hmac + " " + badV1a, "mode_disabled", "hmac-sha256", "hmac-sha256"},
		{hmac + " " + expired, "mode_disabled", "hmac-sha256", "hmac-sha256"},
		{badHMAC + " " + badV1a, "mode_disabled", "origin_unproven", "signature_mismatch"},
		{badHMAC + " " + expired, "mode_disabled", "origin_unproven", "token_expired"},
		{badV1a + " " + jwt, "rs256", "origin_unproven", "rs256"},
		{jwt + " " + badV1a, "rs256", "origin_unproven", "rs256"},
		{expired + " " + jwt, "rs256", "origin_unproven", "rs256"},
		{jwt + " " + expired, "rs256", "origin_unproven", "rs256"},
		{unsigned + " " + jwt, "rs256", "origin_unproven", "rs256"},
		{mismatch + " " + v1a, "ed25519", "origin_unproven", "ed25519"},
		{badV1a + " " + expired, "token_expired", "origin_unproven", "token_expired"},
		{expired + " " + badV1a, "token_expired", "origin_unproven", "token_expired"},
		{expired + " " + unknown, "token_expired", "origin_unproven", "token_expired"},
		{badV1a + " " + mismatch, "body_mismatch", "origin_unproven", "body_mismatch"},
		{badV1a + " " + unknown, "unknown_key", "origin_unproven", "unknown_key"},
		{unsigned, "algorithm_not_allowed", "origin_unproven", "algorithm_not_allowed"},
		{"v2,abc " + unsigned, "algorithm_not_allowed", "origin_unproven", "algorithm_not_allowed"},
	}
	for i, tc := range tests {
		for path, want := range map[string]string{dynamicPath: tc.token, "/hook": tc.other, "/open": tc.openPath} {
			r := newDynamicRigOf(t, rig.issuer)
			r.all.Open = path == "/open"
			proof, got := r.send(t, path, verifytest.Headers("msg_1", seconds, tc.entries), body)
			if got == "ok" {
				got = proof.Scheme
			}
			if got != want {
				t.Errorf("test %d, %.10s: got %s, want %s", i, path, got, want)
			}
		}
	}
}

func TestDynamicProof(t *testing.T) {
	t.Parallel()
	r := newDynamicRig(t)
	event := []byte(`{"type":"t","data":{}}`)
	token := verify.Version{Secret: "projects/p/secrets/path-token", Created: start.Add(-time.Hour)}
	v1a := verify.Proof{Mode: "dynamic", Scheme: "ed25519", Origin: "path_token", Version: token}
	jwt := verify.Proof{Mode: "dynamic", Scheme: "rs256", Origin: "path_token", Version: token}
	carried := jwt
	carried.Event = string(event)
	for name, tc := range map[string]struct {
		header http.Header
		body   []byte
		want   verify.Proof
	}{
		"v1a":               {r.ed25519(), body, v1a},
		"JWT":               {r.jwt(t), body, jwt},
		"JWT with an event": {r.jwt(t, verifytest.Carry(event)), nil, carried},
	} {
		got, code := r.send(t, dynamicPath, tc.header, tc.body)
		if diff := cmp.Diff(tc.want, got); diff != "" || code != "ok" {
			t.Errorf("%s: %s, proof (-want +got):\n%s", name, code, diff)
		}
	}
	// Genuine but stale, by the header or by iat: the log can say whose it is.
	stale := r.jwt(t, verifytest.Claim("iat", start.Add(-time.Hour).Unix()))
	old := r.ed25519()
	got, code := r.send(t, dynamicPath, stale, body)
	if diff := cmp.Diff(jwt, got); diff != "" || code != "timestamp_out_of_range" {
		t.Errorf("stale iat: %s, proof (-want +got):\n%s", code, diff)
	}
	r.Add(time.Hour)
	got, code = r.send(t, dynamicPath, old, body)
	if diff := cmp.Diff(v1a, got); diff != "" || code != "timestamp_out_of_range" {
		t.Errorf("stale header: %s, proof (-want +got):\n%s", code, diff)
	}
	for name, path := range map[string]string{"wrong token": "/dynamic/" + token2, "other path": "/hook"} {
		if got, code := r.send(t, path, old, body); got != (verify.Proof{}) || code != "timestamp_out_of_range" {
			t.Errorf("stale, %s: %s, %+v", name, code, got)
		}
	}
}
