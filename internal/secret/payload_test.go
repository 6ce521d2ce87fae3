package secret

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
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
		"prefixed, base64url":             {"whsec_" + base64.URLEncoding.EncodeToString(bytes.Repeat([]byte("\xff\xfe\xfd"), 8)), nil, errBrokenBase64},
		"prefixed twice":                  {"whsec_whsec_" + encode(raw), nil, errPasted},
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
		"your-…":                          {"your-signing-secret-here", nil, errPlaceholder},
		"your… alone":                     {"yours, as ever and always", []string{"yours, as ever and always"}, nil},
		"undefined…":                      {"undefined-undefined", nil, errPlaceholder},
		"one byte repeated":               {strings.Repeat("x", 32), nil, errPlaceholder},
		"all but one byte alike":          {strings.Repeat("x", 31) + "-", []string{strings.Repeat("x", 31) + "-"}, nil},
		"zeros":                           {strings.Repeat("\x00", 32), nil, errPlaceholder},
		"base64 of zeros":                 {encode(strings.Repeat("\x00", 32)), nil, errPlaceholder},
		"prefixed, base64 of zeros":       {"whsec_" + encode(strings.Repeat("\x00", 32)), nil, errPlaceholder},
		"prefixed, one letter repeated":   {"whsec_" + strings.Repeat("A", 32), nil, errPlaceholder},
		"an environment line":             {"GEMINI_WEBHOOK_SECRET=whsec_" + encode(raw), nil, errPasted},
		"double quotes":                   {`"whsec_` + encode(raw) + `"`, nil, errPasted},
		"single quotes":                   {`'whsec_` + encode(raw) + `'`, nil, errPasted},
		"JSON":                            {`{"new_signing_secret":"whsec_` + encode(raw) + `"}`, nil, errPasted},
		"an entry of the header":          {"v1,whsec_" + encode(raw), nil, errPasted},
		"a label in a line of its own":    {"signing secret:\nwhsec_" + encode(raw), nil, errPasted},
		"two secrets":                     {"whsec_" + encode(raw) + "\nwhsec_" + encode(raw), nil, errPasted},
		"WHSEC_":                          {"WHSEC_" + encode(raw), nil, errPasted},
		"Whsec_ behind a name":            {"KEY=Whsec_" + encode(raw), nil, errPasted},
		"a zero-width space":              {"\u200bwhsec_" + encode(raw), nil, errPasted},
		"a quote behind":                  {"whsec_" + encode(raw) + `"`, nil, errBrokenBase64},
		"a byte order mark":               {"\ufeffwhsec_" + encode(raw), nil, errMarked},
		"… behind white space":            {" \ufeffwhsec_" + encode(raw), nil, errMarked},
		"… of a plain secret":             {"\ufeffa plain secret of a user", nil, errMarked},
		"… of UTF-16, little-endian":      {"\xff\xfew\x00h\x00s\x00e\x00c\x00_\x00M\x00D\x00", nil, errMarked},
		"… of UTF-16, big-endian":         {"\xfe\xff\x00w\x00h\x00s\x00e\x00c\x00_\x00M\x00D", nil, errMarked},
		"whsec without its underscore":    {"whsec+" + encode(raw), []string{"whsec+" + encode(raw)}, nil},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			keys, err := SigningKeys([]byte(tc.payload))
			if !errors.Is(err, tc.err) {
				t.Errorf("error %v, want %v", err, tc.err)
			}
			if err != nil && !strings.Contains(err.Error(), "; store ") {
				t.Errorf("the error does not say what to store: %v", err)
			}
			var got []string
			for _, k := range keys {
				got = append(got, string(k.Reveal()))
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("keys (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPathTokens(t *testing.T) {
	t.Parallel()
	const token = "Tk1_0123456789-abcdefghijklmnopqrstuvwxyzAB"
	for payload, want := range map[string]error{
		token:                                 nil,
		" \t" + token + "\r\n":                nil, // trimmed
		strings.Repeat("a", 31):               errTokenForm,
		strings.Repeat("a", 32):               nil,
		strings.Repeat("a", 128):              nil,
		strings.Repeat("a", 129):              errTokenForm,
		token + ".":                           errTokenForm,
		token + " x":                          errTokenForm,
		"":                                    errTokenForm,
		"replace_me_with_a_token_of_256_bits": errPlaceholder,
		"your-token-" + token:                 errPlaceholder,
		"undefined" + token:                   errPlaceholder,
		"<" + token + ">":                     errPlaceholder,
		"TOKEN=" + token:                      errTokenForm,
		`"` + token + `"`:                     errTokenForm,
		"/dynamic/" + token:                   errTokenForm,
		"\ufeff" + token:                      errMarked,
		"whsec_" + token:                      nil, // a token is literal
	} {
		got, err := PathTokens([]byte(payload))
		if !errors.Is(err, want) || len(got) > 0 != (want == nil) {
			t.Errorf("%q: %d values, %v, want %v", payload, len(got), err, want)
		}
		sum := sha256.Sum256([]byte(strings.TrimSpace(payload)))
		if want == nil && !bytes.Equal(got[0].Reveal(), sum[:]) {
			t.Errorf("%q is not kept as its hash", payload)
		}
	}
}

// What is made is taken, and never made twice.
func TestNewToken(t *testing.T) {
	t.Parallel()
	a, b := NewToken(), NewToken()
	for _, token := range []Value{a, b} {
		if _, err := PathTokens(token.Reveal()); err != nil {
			t.Errorf("it is refused: %v", err)
		}
	}
	if bytes.Equal(a.Reveal(), b.Reveal()) {
		t.Error("two tokens are one")
	}
}

func FuzzSecretPayload(f *testing.F) {
	for _, seed := range []string{"", "whsec_", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "plain secret, long enough", "<x>", "\xff\xfe", "changeme", "MDEyMzQ1Njc4OWFiY2RlZg==", "KEY=whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "\ufeffwhsec_MDEy", "AAAA"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		before := bytes.Clone(payload)
		keys, err := SigningKeys(payload)
		if (err == nil) != (len(keys) > 0) {
			t.Fatalf("%d keys and error %v", len(keys), err)
		}
		for _, k := range keys {
			if len(k.Reveal()) < minKeyBytes {
				t.Errorf("a key of %d bytes", len(k.Reveal()))
			}
		}
		clear(payload) // keys must not share the caller's memory
		again, _ := SigningKeys(before)
		for i, k := range keys {
			if !bytes.Equal(k.Reveal(), again[i].Reveal()) {
				t.Error("a key changed with the payload it was read from")
			}
		}
	})
}
