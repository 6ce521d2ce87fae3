// Package verifytest makes deliveries, push tokens and key sets that package
// verify accepts, for tests and for the simulator. It shares no code with
// verify, so that a mistake in one shows in the other. It is not for production:
// it signs.
package verifytest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Static returns the headers of a delivery signed with a secret as Standard
// Webhooks does: the key is what follows whsec_, decoded, else the secret's
// bytes. Base64 that is broken is signed with as bytes.
func Static(secret, id string, timestamp time.Time, body []byte) http.Header {
	key := []byte(secret)
	if text, ok := strings.CutPrefix(secret, "whsec_"); ok {
		if decoded, err := base64.StdEncoding.DecodeString(text); err == nil {
			key = decoded
		}
	}
	seconds := strconv.FormatInt(timestamp.Unix(), 10)
	return Headers(id, seconds, HMAC(key, id, seconds, body))
}

// HMAC returns one entry of the signature list, "v1,<base64>", over the texts as they are.
func HMAC(key []byte, id, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + timestamp + "."))
	mac.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// Headers returns the headers of a delivery with these entries, separated by spaces.
func Headers(id, timestamp string, entries ...string) http.Header {
	h := make(http.Header)
	h.Set("webhook-id", id)
	h.Set("webhook-timestamp", timestamp)
	h.Set("webhook-signature", strings.Join(entries, " "))
	return h
}
