package webhookadmin

import (
	"context"
	"errors"
	"slices"
	"time"

	"example.com/gemini-webhook/internal/secret"
)

var (
	// ErrWebhookNotFound: Gemini has no webhook of that id.
	ErrWebhookNotFound = errors.New("there is no such webhook")
	// ErrRefused: Gemini refused the request and did nothing. Any other error of
	// a call that changes something leaves open whether it was done.
	ErrRefused = errors.New("refused by Gemini")
	// ErrNoKey: nothing was asked, for the API key cannot be had. Refused, too.
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
// subscribed_events; it may learn more.
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

// Missing are those of the fields that the webhook does not have yet. The order
// of events means nothing.
func (f Fields) Missing(hook Webhook) Fields {
	if f.Name != nil && *f.Name == hook.Name {
		f.Name = nil
	}
	if f.URI != nil && *f.URI == hook.URI {
		f.URI = nil
	}
	if f.State != nil && *f.State == hook.State {
		f.State = nil
	}
	if slices.Equal(sorted(hook.SubscribedEvents), sorted(f.SubscribedEvents)) {
		f.SubscribedEvents = nil
	}
	return f
}

// Webhooks is Gemini's WebhookService. Create and Rotate are sent once at most;
// their errors wrap [ErrRefused] or [ErrWebhookNotFound] exactly where nothing
// was done.
type Webhooks interface {
	Create(ctx context.Context, fields Fields) (Webhook, secret.Value, error)
	Rotate(ctx context.Context, id string, immediately bool) (secret.Value, error)
	Get(ctx context.Context, id string) (Webhook, error)
	List(ctx context.Context) ([]Webhook, error)
	Update(ctx context.Context, id string, fields Fields) (Webhook, error)
	Ping(ctx context.Context, id string) error
	Delete(ctx context.Context, id string) error
}

// Secrets is Secret Manager. Needed on the secret: secretmanager.secrets.get and
// .update, versions.add and .list, and versions.disable for what disables
// versions.
type Secrets interface {
	Get(ctx context.Context, name secret.Name) (secret.Metadata, error)
	// SetAnnotations replaces all annotations while the etag is still the given
	// one, else it is secret.ErrChanged.
	SetAnnotations(ctx context.Context, name secret.Name, annotations map[string]string, etag string) error
	CanAdd(ctx context.Context, name secret.Name) error
	Add(ctx context.Context, name secret.Name, payload secret.Value) (number int64, err error)
	Versions(ctx context.Context, name secret.Name) ([]secret.Version, error)
	Disable(ctx context.Context, name secret.Name, number int64) error
}
