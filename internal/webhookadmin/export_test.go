package webhookadmin

import (
	"time"

	"example.com/gemini-webhook/internal/secret"
)

// What the tests on Google's own clients look at; they are of another package,
// for the clients know this one.

const MaxPerHour = maxPerHour

// Hurry makes the Admin wait shortly.
func (a *Admin) Hurry() { a.poll, a.backoff = 5*time.Millisecond, 5*time.Millisecond }

func (d Desired) Fields() Fields { return d.fields() }

// State is what a secret's annotations say.
type State struct {
	ID          string
	Pending     *pending
	Annotations map[string]string
}

func StateOf(got secret.Metadata) State {
	st := parse(got.Name, got)
	return State{st.id, st.pending, st.annotations}
}
