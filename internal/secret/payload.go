package secret

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

const (
	signingPrefix = "whsec_"
	minKeyBytes   = 16 // 128 bits; Standard Webhooks asks for 24 to 64 bytes

	// A path token is as long as 24 to 96 bytes in base64url.
	minTokenChars = 32
	maxTokenChars = 128
	tokenAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	newTokenBytes = 32 // of randomness: 256 bits, 43 characters in a URL
)

// Why a version's payload is refused, and what to store instead: contract,
// "Secrets and tokens". The texts say nothing of the payload.
var (
	errPlaceholder  = errors.New("it is a placeholder; store the secret itself")
	errPasted       = errors.New("whsec_ stands in it, but not at the start or not in lower case; store the signing secret alone, from whsec_ on, without a name, quotes or whatever was copied with it")
	errMarked       = errors.New("it has a byte order mark; store the text without one, as UTF-8 (printf, not an editor or PowerShell's >)")
	errBrokenBase64 = errors.New("what follows whsec_ is not standard base64; store the signing secret alone, whole and as Gemini showed it")
	errShortKey     = fmt.Errorf("its key is shorter than %d bytes; store the signing secret whole, as Gemini showed it", minKeyBytes)
	errTokenForm    = fmt.Errorf("a path token is %d to %d of A-Z a-z 0-9 _ - and nothing else; store it alone, without a name, quotes or whatever was copied with it", minTokenChars, maxTokenChars)
)

var (
	placeholder = regexp.MustCompile(`(?is)^replace|^change.*me|placeholder|^your-|^undefined|^<.*>$`)
	anyPrefix   = regexp.MustCompile(`(?i)whsec_`)

	// Byte order marks of UTF-8, and of UTF-16 either way round.
	marks = [][]byte{[]byte("\xef\xbb\xbf"), []byte("\xff\xfe"), []byte("\xfe\xff")}
)

// SigningKeys reads the payload of a signing secret's version: what follows
// whsec_ decoded, or else the bytes themselves and, if they are base64, what
// they decode to. Both readings of a plain secret are in use, and nothing tells
// them apart. The error says why a receiver refuses the payload and what to store
// instead, and nothing of what it holds.
func SigningKeys(payload []byte) ([]Value, error) {
	payload = bytes.TrimSpace(payload)
	text, prefixed := bytes.CutPrefix(payload, []byte(signingPrefix))
	decoded, err := decodeBase64(text)
	switch {
	case placeholder.Match(text), repeated(text), err == nil && repeated(decoded):
		return nil, errPlaceholder
	case marked(payload):
		return nil, errMarked
	case anyPrefix.Match(text): // base64 has no underscore: it is never there by chance
		return nil, errPasted
	case prefixed && err != nil:
		return nil, errBrokenBase64
	case prefixed && len(decoded) < minKeyBytes, len(payload) < minKeyBytes:
		return nil, errShortKey
	case prefixed:
		return []Value{NewValue(decoded)}, nil
	}
	keys := []Value{NewValue(bytes.Clone(payload))}
	if err == nil && len(decoded) >= minKeyBytes {
		keys = append(keys, NewValue(decoded))
	}
	return keys, nil
}

// repeated says whether all bytes are the same one: zeros, or a row of x.
func repeated(b []byte) bool {
	return len(b) > 0 && bytes.Count(b, b[:1]) == len(b)
}

func marked(payload []byte) bool {
	return slices.ContainsFunc(marks, func(mark []byte) bool { return bytes.HasPrefix(payload, mark) })
}

// decodeBase64 decodes standard base64 with padding and, other than the
// standard library, without line breaks.
func decodeBase64(text []byte) ([]byte, error) {
	if bytes.ContainsAny(text, "\r\n") {
		return nil, errBrokenBase64
	}
	return base64.StdEncoding.AppendDecode(nil, text)
}

// PathTokens reads the payload of a token secret's version, as the SHA-256 hash
// of the token, which is what is kept and compared. Errors as [SigningKeys].
func PathTokens(payload []byte) ([]Value, error) {
	payload = bytes.TrimSpace(payload)
	switch {
	case placeholder.Match(payload):
		return nil, errPlaceholder
	case marked(payload):
		return nil, errMarked
	case !ValidToken(string(payload)):
		return nil, errTokenForm
	}
	sum := sha256.Sum256(payload)
	return []Value{NewValue(sum[:])}, nil
}

// ValidToken says whether s has the form of a path token.
func ValidToken(s string) bool {
	return len(s) >= minTokenChars && len(s) <= maxTokenChars && strings.TrimLeft(s, tokenAlphabet) == ""
}

// NewToken makes a path token. Whoever makes it stores it as a version and shows
// it to nobody.
func NewToken() Value {
	random := make([]byte, newTokenBytes)
	_, _ = rand.Read(random) // never fails: it ends the program instead
	return NewValue(base64.RawURLEncoding.AppendEncode(nil, random))
}
