package webhookadmin

import (
	"context"
	"errors"
	"fmt"
	"time"

	"example.com/gemini-webhook/internal/secret"
)

var (
	// ErrConflict: another run works on the same webhook, or did while this one
	// was at it. Running again resolves it.
	ErrConflict = errors.New("another run works on this webhook")
	// ErrInterrupted: it is not known, or not stored, what the run did. Running
	// again heals it.
	ErrInterrupted = errors.New("not finished; run it again, the next run heals it")
	// ErrNoWebhook: the secret names no webhook, or one that is gone. Ensure
	// makes one.
	ErrNoWebhook = errors.New("the secret has no webhook; create it first (terraform apply, or webhookctl webhook create)")
	// ErrAmbiguous: several webhooks have the name and uri. Deleting all but one
	// resolves it.
	ErrAmbiguous = errors.New("several webhooks have this name and uri; delete all but one")
	// ErrDesired: what is desired cannot be; the text names the field.
	ErrDesired = errors.New("desired webhook")
)

const (
	leaseTime   = 2 * time.Minute        // after which the mark of a run that is not heard of is taken over
	sectionTime = 75 * time.Second       // what a run may take after its mark
	stepTime    = 40 * time.Second       // left of it before a key is asked for: 30 s for the call, 10 s to store
	pollTime    = time.Second            // between looks whether another run is over
	releaseTime = 10 * time.Second       // to say that a run failed
	maxTries    = 8                      // of runs that lose their mark to another
	minBackoff  = 200 * time.Millisecond // between attempts to store, doubled up to maxBackoff
	maxBackoff  = 5 * time.Second
)

// Admin administers webhooks. All methods may be called at once, from any
// number of processes.
type Admin struct {
	webhooks Webhooks
	secrets  Secrets
	now      func() time.Time

	lease, poll, backoff time.Duration
}

// New returns an Admin over the two services. Now is the wall clock.
func New(webhooks Webhooks, secrets Secrets, now func() time.Time) *Admin {
	return &Admin{webhooks: webhooks, secrets: secrets, now: now, lease: leaseTime, poll: pollTime, backoff: minBackoff}
}

// Get returns the webhook that the secret names, or [ErrNoWebhook].
func (a *Admin) Get(ctx context.Context, name secret.Name) (Webhook, error) {
	st, err := a.read(ctx, name)
	if err != nil {
		return Webhook{}, err
	}
	return a.webhookOf(ctx, st)
}

// webhookOf is the webhook that a state names.
func (a *Admin) webhookOf(ctx context.Context, st state) (Webhook, error) {
	if st.id == "" {
		return Webhook{}, fmt.Errorf("%s: %w", st.secret, ErrNoWebhook)
	}
	hook, err := a.webhooks.Get(ctx, st.id)
	if errors.Is(err, ErrWebhookNotFound) {
		return Webhook{}, fmt.Errorf("%s: webhook %s is gone: %w", st.secret, st.id, ErrNoWebhook)
	}
	return hook, err
}

// List returns all webhooks of the API key's project, whosever they are.
func (a *Admin) List(ctx context.Context) ([]Webhook, error) { return a.webhooks.List(ctx) }

// Update sets the fields that are not nil on the webhook that the secret names.
func (a *Admin) Update(ctx context.Context, name secret.Name, fields Fields) (Webhook, error) {
	if fields.URI != nil {
		if err := CheckURI(*fields.URI); err != nil {
			return Webhook{}, fmt.Errorf("%w: %w", ErrDesired, err)
		}
	}
	hook, err := a.Get(ctx, name)
	if err != nil || len(fields.Names()) == 0 {
		return hook, err
	}
	return a.webhooks.Update(ctx, hook.ID, fields)
}

// Ping makes Gemini send a test delivery, signed with the keys in force. It does
// not wait for it.
func (a *Admin) Ping(ctx context.Context, name secret.Name) error {
	hook, err := a.Get(ctx, name)
	if err != nil {
		return err
	}
	return a.webhooks.Ping(ctx, hook.ID)
}

// refused says whether an error of Gemini means that nothing was done.
func refused(err error) bool {
	return errors.Is(err, ErrRefused) || errors.Is(err, ErrWebhookNotFound)
}

// retry calls f until it succeeds, its error is definite, or ctx ends.
func (a *Admin) retry(ctx context.Context, f func() error) error {
	for backoff := a.backoff; ; backoff = min(2*backoff, maxBackoff) {
		if err := f(); err == nil || secret.Definite(err) || !sleep(ctx, backoff) {
			return err
		}
	}
}

// sleep returns false if ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
