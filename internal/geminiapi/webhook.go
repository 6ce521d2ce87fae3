package geminiapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"unicode"

	"google.golang.org/genai/interactions/models/apierrors"

	"example.com/gemini-webhook/internal/secret"
	"example.com/gemini-webhook/internal/webhookadmin"
)

// describeWebhook turns an error of the SDK into one that can be shown. Of what
// the SDK says only the status and Google's message are passed on: its texts
// may hold the body, which of a create or a rotation is the new secret.
func describeWebhook(err error, what, apiKey string) error {
	api, ok := errors.AsType[*apierrors.APIError](err)
	if !ok {
		if withURL, ok := errors.AsType[*url.Error](err); ok {
			return fmt.Errorf("%s: no answer from Gemini: %w", what, withURL.Err)
		}
		return fmt.Errorf("%s: the answer of Gemini cannot be read", what)
	}
	text := fmt.Sprintf("status %d%s", api.StatusCode, message(api, apiKey))
	switch api.StatusCode {
	case http.StatusNotFound:
		return fmt.Errorf("%s: %w (%s)", what, webhookadmin.ErrWebhookNotFound, text)
	case http.StatusUnauthorized, http.StatusForbidden:
		return fmt.Errorf("%s: %w, check the API key and its project (%s)", what, webhookadmin.ErrRefused, text)
	case http.StatusTooManyRequests:
		return fmt.Errorf("%s: %w: %w (%s)", what, webhookadmin.ErrRefused, webhookadmin.ErrThrottled, text)
	case http.StatusRequestTimeout, http.StatusConflict, statusClientClosed:
		return fmt.Errorf("%s: %s", what, text) // perhaps done
	}
	if api.StatusCode/100 == 4 {
		return fmt.Errorf("%s: %w (%s)", what, webhookadmin.ErrRefused, text)
	}
	return fmt.Errorf("%s: %s", what, text)
}

const (
	statusClientClosed = 499 // CANCELLED in Google's HTTP mapping
	maxMessageBytes    = 300 // Google's are one or two sentences
)

var whsec = regexp.MustCompile(`whsec_[^\s"',;]*`)

// message is what Google says of a refusal (4xx), with a colon before it.
// Google's texts have been seen to name the API key.
func message(api *apierrors.APIError, apiKey string) string {
	var body struct {
		Error struct {
			Message string `json:"message"`
		} `json:"error"`
	}
	if api.StatusCode/100 != 4 || json.Unmarshal([]byte(api.Body), &body) != nil || body.Error.Message == "" {
		return ""
	}
	text := strings.ReplaceAll(body.Error.Message, apiKey, secret.Redacted)
	text = whsec.ReplaceAllString(text, secret.Redacted)
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
	if len(text) > maxMessageBytes {
		text = strings.ToValidUTF8(text[:maxMessageBytes], "") + "…"
	}
	return ": " + text
}
