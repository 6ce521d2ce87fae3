package verify

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSigningKeys(t *testing.T) {
	t.Parallel()
	raw := "0123456789abcdef" // 16 bytes
	encode := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	tests := map[string]struct {
		payload string
		want    []string
		err     error
	}{
		"prefixed":                        {"whsec_" + encode(raw), []string{raw}, nil},
		"prefixed, white space":           {"\n\t whsec_" + encode(raw) + " \r\n", []string{raw}, nil},
		"prefixed, 15 bytes":              {"whsec_" + encode(raw[1:]), nil, errShortKey},
		"prefixed, nothing":               {"whsec_", nil, errShortKey},
		"prefixed, not base64":            {"whsec_not-base64-but-long-enough", nil, errBrokenBase64},
		"prefixed, no padding":            {"whsec_" + strings.TrimRight(encode(raw), "="), nil, errBrokenBase64},
		"prefixed, wrapped":               {"whsec_" + encode(raw)[:8] + "\n" + encode(raw)[8:], nil, errBrokenBase64},
		"prefixed, base64url":             {"whsec_" + base64.URLEncoding.EncodeToString(bytes.Repeat([]byte{0xff}, 24)), nil, errBrokenBase64},
		"prefixed twice":                  {"whsec_whsec_" + encode(raw), nil, errBrokenBase64},
		"plain, not base64":               {"a plain secret of a user", []string{"a plain secret of a user"}, nil},
		"plain, base64":                   {encode(raw), []string{encode(raw), raw}, nil},
		"plain, base64 of 15 bytes":       {encode(raw[1:]), []string{encode(raw[1:])}, nil},
		"plain, 16 bytes":                 {"0123456789abcde-", []string{"0123456789abcde-"}, nil},
		"plain, 15 bytes":                 {"0123456789abcde", nil, errShortKey},
		"plain, 15 bytes and white space": {"0123456789abcde \n", nil, errShortKey},
		"plain, binary":                   {"\x00\x01\x02\xff456789abcdef-", []string{"\x00\x01\x02\xff456789abcdef-"}, nil},
		"empty":                           {"", nil, errShortKey},
		"replace…":                        {"replace-me-with-the-signing-secret", nil, errPlaceholder},
		"REPLACE…":                        {"REPLACE_WITH_SECRET", nil, errPlaceholder},
		"changeme":                        {"changeme", nil, errPlaceholder},
		"Change it, please, for me":       {"Change it, please, for me", nil, errPlaceholder},
		"change of no me…":                {"change of a secret", []string{"change of a secret"}, nil},
		"placeholder":                     {"this is just a Placeholder value", nil, errPlaceholder},
		"<…>":                             {"<your signing secret>", nil, errPlaceholder},
		"<… alone":                        {"<your signing secret", []string{"<your signing secret"}, nil},
		"prefixed replace…":               {"whsec_REPLACEMEREPLACEMEREPLACEMERE", nil, errPlaceholder},
		"prefixed change…me":              {"whsec_changemechangemechangeme", nil, errPlaceholder},
		"prefixed <…>":                    {"whsec_<base64>", nil, errPlaceholder},
		"prefix in <…>":                   {"<whsec_base64>", nil, errPlaceholder},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			keys, err := signingKeys([]byte(tc.payload))
			if !errors.Is(err, tc.err) {
				t.Errorf("error %v, want %v", err, tc.err)
			}
			var got []string
			for _, k := range keys {
				got = append(got, string(k.secret()))
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("keys (-want +got):\n%s", diff)
			}
		})
	}
}

// A key prints as REDACTED, and so does what holds one, as an address at most.
func TestKeyIsRedacted(t *testing.T) {
	t.Parallel()
	const secret = "correct-horse-battery"
	k := newKey([]byte(secret))
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T %v"} {
		args := []any{k}
		if verb == "%T %v" {
			args = []any{k, k}
		}
		if got := fmt.Sprintf(verb, args...); !strings.HasSuffix(got, "REDACTED") && got != "verify.key" {
			t.Errorf("%s prints %s", verb, got)
		}
	}
	if k.String() != "REDACTED" || k.GoString() != "REDACTED" || k.LogValue().String() != "REDACTED" {
		t.Errorf("String %s, GoString %s, LogValue %s", k.String(), k.GoString(), k.LogValue())
	}
	if text, err := json.Marshal(map[string]any{"key": k}); err != nil || string(text) != `{"key":"REDACTED"}` {
		t.Errorf("JSON %s, %v", text, err)
	}

	set := snapshot{versions: []version{{number: 1, enabled: true, keys: []key{k}}}}
	holders := []any{k, &k, []key{k}, map[string]key{"k": k}, set, &set, &secretSet{set: &set}, &Static{secrets: []*secretSet{{set: &set}}}}
	var log bytes.Buffer
	text, structured := slog.New(slog.NewTextHandler(&log, nil)), slog.New(slog.NewJSONHandler(&log, nil))
	for _, h := range holders {
		fmt.Fprintf(&log, "%v %+v %#v %s %q %x %d\n", h, h, h, h, h, h, h)
		text.Info("holder", "h", h)
		structured.Info("holder", "h", h)
	}
	numbers := strings.Trim(fmt.Sprint([]byte(secret)), "[]")
	for _, leak := range []string{secret, fmt.Sprintf("%x", secret), fmt.Sprintf("%X", secret), numbers, base64.StdEncoding.EncodeToString([]byte(secret))} {
		if strings.Contains(log.String(), leak) {
			t.Errorf("the secret shows as %s", leak)
		}
	}
}

func TestProbeInterval(t *testing.T) {
	t.Parallel()
	want := map[int]string{0: "5s", 11: "5s", 12: "10s", 13: "20s", 14: "40s", 15: "1m0s", 1000: "1m0s"}
	got := map[int]string{}
	for n := range want {
		got[n] = probeEvery(n).String()
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("intervals after so many fruitless rounds (-want +got):\n%s", diff)
	}
}

func FuzzSecretPayload(f *testing.F) {
	for _, seed := range []string{"", "whsec_", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "plain secret, long enough", "<x>", "\xff\xfe", "changeme", "MDEyMzQ1Njc4OWFiY2RlZg=="} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		before := bytes.Clone(payload)
		keys, err := signingKeys(payload)
		if (err == nil) != (len(keys) > 0) {
			t.Fatalf("%d keys and error %v", len(keys), err)
		}
		for _, k := range keys {
			if len(k.secret()) < minKeyBytes {
				t.Errorf("a key of %d bytes", len(k.secret()))
			}
		}
		clear(payload) // keys must not share the caller's memory
		again, _ := signingKeys(before)
		for i, k := range keys {
			if !bytes.Equal(k.secret(), again[i].secret()) {
				t.Error("a key changed with the payload it was read from")
			}
		}
	})
}
