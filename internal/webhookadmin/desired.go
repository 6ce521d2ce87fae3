package webhookadmin

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"example.com/gemini-webhook/internal/endpoint"
	"example.com/gemini-webhook/internal/secret"
)

// Desired is how a webhook shall be.
type Desired struct {
	// Name and URI are what a webhook is recognized by that the secret does not
	// name; both are required. The uri is not a secret.
	Name, URI string
	// SubscribedEvents are the types of events, at least one, in any order.
	// Unknown ones are left to Gemini.
	SubscribedEvents []string
	// Enabled: deliveries are wanted. One that Gemini disabled after failed
	// deliveries is enabled again.
	Enabled bool
	// SigningSecret (projects/P/secrets/S) exists and receives the versions. It
	// belongs to this webhook alone.
	SigningSecret secret.Name
	// ID, where the secret names no webhook, is one to be adopted whatever its
	// name and uri; one that is not there is as if it were not given.
	ID string
}

// Reason is why the signing secret is rotated though nobody asked for it.
type Reason string

const (
	// Adopted: the secret does not name the webhook, so that its key is unknown.
	Adopted Reason = "adopted"
	// Interrupted: a run did not finish, so that a key may have been lost.
	Interrupted Reason = "interrupted"
	// NoVersion: the secret has no enabled version, so that no delivery can be verified.
	NoVersion Reason = "no_version"
)

// Changes are what has to be done to bring about what is desired, or what was
// done. It has no secret.
type Changes struct {
	Create bool     `json:"create,omitempty"`
	Rotate Reason   `json:"rotate,omitempty"`
	Update []string `json:"update,omitempty"` // fields: name, uri, subscribed_events, state
	// Busy, of a plan: another run is at work, and these changes are what is
	// left if it does nothing.
	Busy bool `json:"busy,omitempty"`
	// Versions are those stored, the newest last; empty in a plan.
	Versions []int64 `json:"versions,omitempty"`
}

// Empty says whether there is nothing to do.
func (c Changes) Empty() bool { return !c.Create && c.Rotate == "" && len(c.Update) == 0 }

// CheckURI refuses what deliveries must not be sent to: no absolute URL, or plain
// http to another machine, where everybody on the way reads and replays them.
func CheckURI(uri string) error {
	if _, err := endpoint.Parse(uri); err != nil {
		return fmt.Errorf("uri: want an absolute URL, https://HOST/PATH: it %w", err)
	}
	return nil
}

func (d Desired) check() error {
	var errs []error
	bad := func(wrong bool, text string) {
		if wrong {
			errs = append(errs, errors.New(text))
		}
	}
	bad(strings.TrimSpace(d.Name) == "", "name: give one, it is what an unfinished run is healed by")
	if err := CheckURI(d.URI); err != nil {
		errs = append(errs, err)
	}
	bad(len(d.SubscribedEvents) == 0, "subscribed_events: name at least one")
	_, nameErr := secret.ParseName(string(d.SigningSecret))
	bad(nameErr != nil, "signing_secret: want projects/PROJECT/secrets/SECRET")
	if len(errs) == 0 {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrDesired, errors.Join(errs...))
}

// fields are those of a new webhook.
func (d Desired) fields() Fields {
	return Fields{Name: &d.Name, URI: &d.URI, SubscribedEvents: sorted(d.SubscribedEvents)}
}

// diff are the fields that differ from the desired ones.
func (d Desired) diff(hook Webhook) Fields {
	f := d.fields()
	if enabled := hook.State == StateEnabled; enabled != d.Enabled { // disabled in either way is disabled
		state := StateDisabled
		if d.Enabled {
			state = StateEnabled
		}
		f.State = &state
	}
	return f.Missing(hook)
}

// sorted is a set of events, for their order means nothing.
func sorted(events []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(events)))
}
