package e2e

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"example.com/gemini-webhook/internal/localcloud"
	"example.com/gemini-webhook/verify/verifytest"
)

// What was seen going wrong in other receivers (GEMINI.md, last section), as
// far as one delivery shows it.
func TestSeenGoingWrong(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{env: []string{"MAX_BODY_BYTES=2000"}})
	body := interaction("int_1")
	now := strconv.FormatInt(time.Now().Unix(), 10)
	entry := func(id, timestamp, body string) string {
		return verifytest.HMAC(decodeSecret(t, r.secret), id, timestamp, []byte(body))
	}
	at := func(timestamp string) http.Header { // the text itself is signed
		return verifytest.Headers("msg_1", timestamp, entry("msg_1", timestamp, body))
	}
	good := entry("msg_1", now, body)
	odd := "{ \"data\":{\"id\":\"\\u0069nt_1\",\"id\":\"int_2\"},\n\t\"type\":\"interaction.completed\", \"n\":1.0e2 }\r\n"
	for _, test := range []struct {
		name   string
		header http.Header
		body   string
		want   string
	}{
		{"parsed and written again before verifying", verifytest.Headers("msg_odd", now, entry("msg_odd", now, odd)), odd, "200 accepted"},
		{"that body, tidied", verifytest.Headers("msg_odd", now, entry("msg_odd", now, odd)), strings.TrimSpace(odd), "401 signature_mismatch"},
		{"compared by substring: more behind", verifytest.Headers("msg_1", now, good+"A"), body, "401 signature_mismatch"},
		{"compared by substring: more before", verifytest.Headers("msg_1", now, "v1,AAAA"+good[3:]), body, "401 signature_mismatch"},
		{"compared by substring: a part of it", verifytest.Headers("msg_1", now, good[:20]), body, "401 signature_mismatch"},
		{"compared by substring: nothing", verifytest.Headers("msg_1", now, "v1,"), body, "400 bad_header"},
		{"no timestamp", verifytest.Headers("msg_1", "", entry("msg_1", "", body)), body, "400 bad_header"},
		{"timestamp NaN", at("NaN"), body, "400 bad_header"},
		{"timestamp with a sign", at("+" + now), body, "400 bad_header"},
		{"timestamp with zeros before", at("00" + now), body, "400 bad_header"},
		{"timestamp with a fraction", at(now + ".5"), body, "400 bad_header"},
		{"timestamp in milliseconds", at(now + "000"), body, "400 bad_header"},
		{"timestamp with an exponent", at("1e9"), body, "400 bad_header"},
		{"timestamp too late", at(strconv.FormatInt(time.Now().Unix()-301, 10)), body, "401 timestamp_out_of_range"},
		{"timestamp too early", at(strconv.FormatInt(time.Now().Unix()+310, 10)), body, "401 timestamp_out_of_range"},
		{"an id with a dot", verifytest.Headers("msg_1.x", now, entry("msg_1.x", now, body)), body, "400 bad_header"},
		{"signed as one delivery, split as another", verifytest.Headers("msg_1."+now, now, entry("msg_1", now, now+"."+body)), body, "400 bad_header"},
		{"signed with nothing", verifytest.Headers("msg_1", now, verifytest.HMAC(nil, "msg_1", now, []byte(body))), body, "401 signature_mismatch"},
		{"a body over the limit", r.signed("msg_2", strings.Repeat(" ", 2001)), strings.Repeat(" ", 2001), "413 body_too_large"},
		{"what fits of a body over the limit", r.signed("msg_2", strings.Repeat(" ", 2000)), strings.Repeat(" ", 2001), "413 body_too_large"},
	} {
		if a := r.deliver(test.header, test.body); a.String() != test.want {
			t.Errorf("%s: got %v, want %s", test.name, a, test.want)
		}
	}
	r.wait("the one outcome", func() bool { return r.seen.count(localcloud.OutcomesTopic) == 1 && r.seen.idle() })
	if o := r.seen.outcomes(t, localcloud.OutcomesTopic)[0]; o.EventID != "msg_odd" {
		t.Errorf("an outcome of %s, want that of the one accepted", o.EventID)
	}
	if n := r.seen.count(localcloud.QueueTopic); n != 1 {
		t.Errorf("%d messages queued, want 1", n)
	}
}

// A placeholder in Secret Manager is no secret.
func TestPlaceholderSecret(t *testing.T) {
	t.Parallel()
	for _, secret := range []string{"replace-me-with-the-secret", "<the signing secret goes here>", "placeholder placeholder", "short", " ", "whsec_", "whsec_not base64 at all!!!!!!!!"} {
		t.Run(secret, func(t *testing.T) {
			t.Parallel()
			cloud, err := localcloud.Start(t.Context(), localcloud.Options{})
			must(t, err)
			t.Cleanup(func() { must(t, cloud.Close()) })
			cloud.Secrets.Add(localcloud.SigningSecret, []byte(secret))
			c := start(t, cloud.Env()...)
			body := interaction("int_1")
			for _, key := range []string{secret, strings.TrimSpace(secret), strings.TrimPrefix(secret, "whsec_")} {
				a := send(t, http.MethodPost, c.url()+hookPath, verifytest.Static(key, "msg_1", time.Now(), []byte(body)), body)
				if a.status != http.StatusUnauthorized {
					t.Errorf("signed with %q: %v, want 401", key, a)
				}
			}
		})
	}
}

// Texts over what an attribute of Pub/Sub may hold do not stop the outcome.
func TestLongTexts(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{})
	long := strings.Repeat("é", 5000)
	body := fmt.Sprintf(`{"type":"batch.failed","data":{"id":%q,"error_code":3,"error_message":%q},"user_metadata":{"note":%q}}`, long, long, long)
	if a := r.deliver(r.signed("msg_1", body), body); a.status != http.StatusOK {
		t.Fatalf("got %v", a)
	}
	r.wait("the outcome", func() bool { return r.seen.has("batch.failed") })
	r.seen.mu.Lock()
	o := r.seen.topics[localcloud.OutcomesTopic][0]
	r.seen.mu.Unlock()
	want := strings.Repeat("é", 512) // 1,024 bytes
	if o.Attributes["resource_id"] != want || o.Attributes["meta_note"] != want || strings.Count(string(o.raw), long) != 3 {
		t.Errorf("the texts are not cut in the attributes alone: %v", o.Attributes)
	}
}

// The log tells nothing that strangers sent, and no secret.
func TestNothingSecretIsLogged(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{env: []string{"LOG_LEVEL=debug"}})
	const marker = "marker-of-a-payload"
	body := interaction(marker)
	header := r.signed("msg_1", body)
	header.Set("Cookie", marker)
	if a := r.deliver(header, body); a.status != http.StatusOK {
		t.Fatalf("got %v", a)
	}
	for _, change := range []func(http.Header){
		func(h http.Header) { h.Set("webhook-signature", "v1,"+marker) },
		func(h http.Header) { h.Set("webhook-timestamp", marker) },
		func(h http.Header) { h.Set("webhook-id", marker+".") },
		func(h http.Header) { h.Set("webhook-signature", "v1,MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=") },
	} {
		h := header.Clone()
		change(h)
		if a := r.deliver(h, body); a.status/100 != 4 {
			t.Errorf("got %v, want a refusal", a)
		}
	}
	send(t, http.MethodPost, r.url()+"/tasks/process", bearer(marker), marker)
	r.wait("the outcome", func() bool { return r.seen.has("interaction.completed") && r.seen.idle() })
	logs := r.child.logs.String()
	if !strings.Contains(logs, "delivery accepted") || !strings.Contains(logs, "delivery refused") {
		t.Errorf("the log does not tell what happened:\n%s", logs)
	}
	for what, text := range map[string]string{
		"what a stranger sent": marker, "the signing secret": r.secret, "the key": strings.TrimPrefix(r.secret, "whsec_"),
		"a signature": strings.TrimPrefix(header.Get("webhook-signature"), "v1,"), "a token": "eyJ", "the API key": localcloud.APIKey,
	} {
		if strings.Contains(logs, text) {
			t.Errorf("the log holds %s:\n%s", what, logs)
		}
	}
}
