package verify_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"example.com/gemini-webhook/verify"
	"example.com/gemini-webhook/verify/verifytest"
)

const seconds = "1795262400" // start

func genuine() http.Header { return verifytest.Static(payload1, "msg_1", start, body) }

// parsed are headers that can be.
func parsed(t testing.TB, header http.Header) verify.Headers {
	t.Helper()
	h, err := verify.ParseHeaders(header)
	must(t, err)
	return h
}

func TestParseHeaders(t *testing.T) {
	t.Parallel()
	entry := "v1," + strings.Repeat("A", 43) + "="
	tests := map[string]struct {
		header string
		values []string // nil: absent
		want   string
	}{
		"genuine":                       {"webhook-id", []string{"msg_1"}, "ok"},
		"id absent":                     {"webhook-id", nil, "missing_header"},
		"id repeated":                   {"webhook-id", []string{"msg_1", "msg_1"}, "bad_header"},
		"id empty":                      {"webhook-id", []string{""}, "bad_header"},
		"id with a dot":                 {"webhook-id", []string{"msg.1"}, "bad_header"},
		"id with a space":               {"webhook-id", []string{"msg 1"}, "bad_header"},
		"id with a control character":   {"webhook-id", []string{"msg\x7f"}, "bad_header"},
		"id not ASCII":                  {"webhook-id", []string{"msg_é"}, "bad_header"},
		"id of every kind of character": {"webhook-id", []string{"!~,;\"'{}msg-1"}, "ok"},
		"id of 256 bytes":               {"webhook-id", []string{strings.Repeat("x", 256)}, "ok"},
		"id of 257 bytes":               {"webhook-id", []string{strings.Repeat("x", 257)}, "bad_header"},

		"timestamp absent":            {"webhook-timestamp", nil, "missing_header"},
		"timestamp repeated":          {"webhook-timestamp", []string{seconds, seconds}, "bad_header"},
		"timestamp empty":             {"webhook-timestamp", []string{""}, "bad_header"},
		"timestamp zero":              {"webhook-timestamp", []string{"0"}, "bad_header"},
		"timestamp with leading zero": {"webhook-timestamp", []string{"0" + seconds}, "bad_header"},
		"timestamp with plus":         {"webhook-timestamp", []string{"+" + seconds}, "bad_header"},
		"timestamp with minus":        {"webhook-timestamp", []string{"-" + seconds}, "bad_header"},
		"timestamp with space":        {"webhook-timestamp", []string{" " + seconds}, "bad_header"},
		"timestamp with fraction":     {"webhook-timestamp", []string{seconds + ".0"}, "bad_header"},
		"timestamp with exponent":     {"webhook-timestamp", []string{"1e9"}, "bad_header"},
		"timestamp NaN":               {"webhook-timestamp", []string{"NaN"}, "bad_header"},
		"timestamp hexadecimal":       {"webhook-timestamp", []string{"0x6B000000"}, "bad_header"},
		"timestamp underscored":       {"webhook-timestamp", []string{"1_795_262_400"}, "bad_header"},
		"timestamp in other digits":   {"webhook-timestamp", []string{"١٧٩٥"}, "bad_header"},
		"timestamp of 12 digits":      {"webhook-timestamp", []string{strings.Repeat("9", 12)}, "ok"},
		"timestamp of 13 digits":      {"webhook-timestamp", []string{strings.Repeat("9", 13)}, "bad_header"},

		"signature absent":               {"webhook-signature", nil, "missing_header"},
		"signature repeated":             {"webhook-signature", []string{entry, entry}, "bad_header"},
		"signature empty":                {"webhook-signature", []string{""}, "bad_header"},
		"signature of spaces":            {"webhook-signature", []string{"   "}, "bad_header"},
		"signature without version":      {"webhook-signature", []string{entry[3:]}, "bad_header"},
		"signature with empty version":   {"webhook-signature", []string{entry[2:]}, "bad_header"},
		"signature with empty text":      {"webhook-signature", []string{"v1,"}, "bad_header"},
		"signature of unknown version":   {"webhook-signature", []string{"v9,abc"}, "ok"},
		"signature with runs of spaces":  {"webhook-signature", []string{"  " + entry + "   " + entry + " "}, "ok"},
		"one good form beside garbage":   {"webhook-signature", []string{"garbage " + entry}, "ok"},
		"JWT":                            {"webhook-signature", []string{"eyJh.eyJi.c2ln"}, "ok"},
		"JWT without signature":          {"webhook-signature", []string{"eyJh.eyJi."}, "ok"},
		"two parts":                      {"webhook-signature", []string{"eyJh.eyJi"}, "bad_header"},
		"four parts":                     {"webhook-signature", []string{"eyJh.eyJi.c2ln.x"}, "bad_header"},
		"three parts not base64url":      {"webhook-signature", []string{"ey=h.ey+i.c2/n"}, "bad_header"},
		"three parts, one empty":         {"webhook-signature", []string{".eyJi.c2ln"}, "bad_header"},
		"32 entries":                     {"webhook-signature", []string{strings.TrimSpace(strings.Repeat(entry+" ", 32))}, "ok"},
		"33 entries":                     {"webhook-signature", []string{strings.TrimSpace(strings.Repeat(entry+" ", 33))}, "bad_header"},
		"33 entries, most of them known": {"webhook-signature", []string{strings.TrimSpace("x " + strings.Repeat(entry+" ", 32))}, "bad_header"},
		"16 KiB":                         {"webhook-signature", []string{"v1," + strings.Repeat("A", 16<<10-3)}, "ok"},
		"over 16 KiB":                    {"webhook-signature", []string{"v1," + strings.Repeat("A", 16<<10-2)}, "bad_header"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := genuine()
			h.Del(tc.header)
			for _, v := range tc.values {
				h.Add(tc.header, v)
			}
			_, err := verify.ParseHeaders(h)
			if got := outcome(err); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}

func TestCheckTime(t *testing.T) {
	t.Parallel()
	h := parsed(t, genuine())
	const tolerance = 5 * time.Minute
	for offset, want := range map[time.Duration]string{
		0:                          "ok",
		tolerance:                  "ok",
		-tolerance:                 "ok",
		tolerance + 1:              "timestamp_out_of_range",
		-tolerance - 1:             "timestamp_out_of_range",
		290 * 365 * 24 * time.Hour: "timestamp_out_of_range",
	} {
		if got := outcome(h.CheckTime(start.Add(offset), tolerance)); got != want {
			t.Errorf("%s away: got %s, want %s", offset, got, want)
		}
	}
	far := genuine()
	far.Set("webhook-timestamp", "999999999999")
	if got := outcome(parsed(t, far).CheckTime(start, tolerance)); got != "timestamp_out_of_range" {
		t.Errorf("year 33658: got %s", got)
	}
}

// Logs may print what was parsed.
func TestHeadersPrintWithoutSignature(t *testing.T) {
	t.Parallel()
	h := parsed(t, genuine())
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
		if got, want := fmt.Sprintf(verb, h), "delivery msg_1 of "+seconds; got != want {
			t.Errorf("%s prints %q, want %q", verb, got, want)
		}
	}
}

func FuzzParseHeaders(f *testing.F) {
	h := genuine()
	f.Add(h.Get("webhook-id"), h.Get("webhook-timestamp"), h.Get("webhook-signature"))
	f.Add("msg.1", "+1", "v1,")
	f.Add("", "007", "a.b.c v1a,xyz  , v9,")
	f.Add("x", "999999999999", strings.Repeat("v1,A ", 40))
	f.Fuzz(func(t *testing.T, id, timestamp, signature string) {
		h := http.Header{"Webhook-Id": {id}, "Webhook-Timestamp": {timestamp}, "Webhook-Signature": {signature}}
		parsed, err := verify.ParseHeaders(h)
		if err != nil {
			if code := verify.Code(err); code != "bad_header" {
				t.Errorf("code %q for headers that are there", code)
			}
			return
		}
		if parsed.ID != id || strings.ContainsAny(id, ". \t") || id == "" {
			t.Errorf("id %q taken as %q", id, parsed.ID)
		}
		if fmt.Sprint(parsed.Timestamp) != timestamp {
			t.Errorf("timestamp %q taken as %d", timestamp, parsed.Timestamp)
		}
	})
}
