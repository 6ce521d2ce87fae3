package gemini

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
	"unicode"

	"google.golang.org/genai/interactions/models/apierrors"
)

var (
	// ErrWebhookNotFound: Gemini has no webhook of that id.
	ErrWebhookNotFound = errors.New("there is no such webhook")
	// ErrRefused: Gemini refused the request and did nothing. Any other error of
	// a call that changes something leaves open whether it was done.
	ErrRefused = errors.New("refused by Gemini")
	// ErrNoKey: nothing was asked, for the API key cannot be had.
	ErrNoKey = errors.New("no API key")
	// ErrThrottled: refused for now.
	ErrThrottled = errors.New("too many requests")
)

// States of a webhook, as Gemini names them.
const (
	StateEnabled  = "enabled"
	StateDisabled = "disabled"
	// StateFailed can only be left, by setting another one.
	StateFailed = "disabled_due_to_failed_deliveries"
)

// SubscribableEvents are the types of events that the API accepts in
// subscribed_events (GEMINI.md "Envelope and catalogue"); it may learn more.
var SubscribableEvents = []string{
	"batch.expired", "batch.failed", "batch.succeeded",
	"interaction.completed", "interaction.failed", "interaction.requires_action",
	"video.generated",
}

// Webhook is a registered webhook, as Gemini shows it: without its secrets.
type Webhook struct {
	ID               string          `json:"id"` // without "webhooks/"
	Name             string          `json:"name"`
	URI              string          `json:"uri"`
	SubscribedEvents []string        `json:"subscribed_events"`
	State            string          `json:"state"`
	SigningSecrets   []SigningSecret `json:"signing_secrets"`
	Created          time.Time       `json:"create_time"`
	Updated          time.Time       `json:"update_time"`
}

// SigningSecret is what Gemini shows of a signing secret that is in force.
type SigningSecret struct {
	Truncated string    `json:"truncated_secret"`
	Expires   time.Time `json:"expire_time,omitzero"` // zero for the current one
}

// Fields are what of a webhook shall be set. In an update, nil leaves a field
// as it is; a new webhook is always enabled, whatever State says.
type Fields struct {
	Name, URI, State *string
	SubscribedEvents []string
}

// Names lists the fields that are not nil, as an update mask has them.
func (f Fields) Names() (names []string) {
	for _, field := range []struct {
		name string
		set  bool
	}{
		{"name", f.Name != nil}, {"uri", f.URI != nil},
		{"subscribed_events", f.SubscribedEvents != nil}, {"state", f.State != nil},
	} {
		if field.set {
			names = append(names, field.name)
		}
	}
	return names
}

// Secret is a new signing secret, which Gemini shows once. It prints as
// REDACTED; Reveal gives it to Secret Manager. The text is in a closure, for
// fmt never looks into a function.
type Secret struct{ reveal func() string }

const redacted = "REDACTED"

func newSecret(text string) Secret { return Secret{func() string { return text }} }

// Reveal returns the secret itself, to be stored and not to be shown.
func (s Secret) Reveal() []byte { return []byte(s.reveal()) }

// Format implements fmt.Formatter for every verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// String returns REDACTED.
func (Secret) String() string { return redacted }

// GoString returns REDACTED.
func (Secret) GoString() string { return redacted }

// LogValue returns REDACTED.
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON returns REDACTED.
func (Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

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
		return fmt.Errorf("%s: %w (%s)", what, ErrWebhookNotFound, text)
	case http.StatusUnauthorized, http.StatusForbidden:
		return fmt.Errorf("%s: %w, check the API key and its project (%s)", what, ErrRefused, text)
	case http.StatusTooManyRequests:
		return fmt.Errorf("%s: %w: %w (%s)", what, ErrRefused, ErrThrottled, text)
	case http.StatusRequestTimeout, http.StatusConflict, statusClientClosed:
		return fmt.Errorf("%s: %s", what, text) // perhaps done
	}
	if api.StatusCode/100 == 4 {
		return fmt.Errorf("%s: %w (%s)", what, ErrRefused, text)
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
	text := strings.ReplaceAll(body.Error.Message, apiKey, redacted)
	text = whsec.ReplaceAllString(text, redacted)
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
