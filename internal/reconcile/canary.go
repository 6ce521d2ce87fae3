package reconcile

import (
	"context"
	"fmt"
	"time"

	"example.com/gemini-webhook/internal/webhookadmin"
)

const (
	canaryTime = time.Minute // for the calls of a run
	// canaryMemory is how long a ping is remembered, for schedules as rare as weekly.
	canaryMemory = 8 * 24 * time.Hour
	// canaryPatience is what a ping gets to arrive. It takes seconds; Pub/Sub delivers again
	// after some, and Gemini after an answer that was 503.
	canaryPatience = 5 * time.Minute
)

// What a run says of the canary; metrics are made of these words.
const (
	CanaryOff     = "off"     // nobody wants one, or the webhook is disabled on purpose
	CanaryOK      = "ok"      // the ping before arrived
	CanaryMissing = "missing" // it did not
	CanaryPending = "pending" // there was none before, or a moment ago
	CanaryUnsent  = "unsent"  // Gemini could not be asked for one; the errors say why
)

// Canary has Gemini ping a registered webhook once in a run, and looks whether the ping of
// a run before arrived: whether it came through Gemini, the public door, the queue and
// the tasks door, and its outcome was published.
type Canary struct {
	Webhooks Pinger
	Webhook  string // its id or its name
}

// Pinger is Gemini's WebhookService.
type Pinger interface {
	List(ctx context.Context) ([]webhookadmin.Webhook, error)
	Ping(ctx context.Context, id string) error
}

// canary says in the report how the ping before did, and asks for the next one.
func (r *Reconciler) canary(ctx context.Context, report *Report) error {
	ctx, cancel := context.WithTimeout(ctx, canaryTime)
	defer cancel()
	report.Canary = CanaryUnsent
	hook, err := r.Canary.find(ctx)
	if err != nil {
		return err
	}
	if hook.State == webhookadmin.StateDisabled {
		report.Canary = CanaryOff
		return nil
	}
	now := r.Now()
	last, err := r.State.LastPing(ctx, now.Add(-canaryMemory))
	if err != nil {
		return err
	}
	arrived, err := r.arrival(ctx, last)
	if err != nil {
		return err
	}
	waits := !last.IsZero() && arrived.IsZero()
	if waits && now.Sub(last) < canaryPatience {
		report.Canary = CanaryPending // and is looked for again, so that none is forgotten
		return nil
	}
	if err := r.ping(ctx, hook.ID); err != nil {
		return err
	}
	switch {
	case last.IsZero():
		report.Canary = CanaryPending
	case waits:
		report.Canary = CanaryMissing
		r.Log.WarnContext(ctx, "a ping that Gemini was asked for did not arrive; see docs/runbooks/canary-missing.md", "webhook", hook.ID, "asked", last)
	default:
		report.Canary, report.CanarySeconds = CanaryOK, max(0, arrived.Sub(last)).Seconds()
	}
	return nil
}

// arrival is when the first delivery that may be the ping was worked on.
func (r *Reconciler) arrival(ctx context.Context, ping time.Time) (time.Time, error) {
	if ping.IsZero() {
		return ping, nil
	}
	return r.State.FirstArrival(ctx, ping)
}

// ping asks for a ping and records when. What is not known to be asked for is not waited
// for.
func (r *Reconciler) ping(ctx context.Context, id string) error {
	at := r.Now()
	if err := r.Canary.Webhooks.Ping(ctx, id); err != nil {
		return err
	}
	return r.State.SavePing(ctx, at)
}

// find gives the one webhook of that id or name.
func (c *Canary) find(ctx context.Context) (found webhookadmin.Webhook, err error) {
	hooks, err := c.Webhooks.List(ctx)
	if err != nil {
		return found, err
	}
	named := 0
	for _, hook := range hooks {
		switch c.Webhook {
		case hook.ID:
			return hook, nil
		case hook.Name:
			found = hook
			named++
		}
	}
	if named != 1 {
		return found, fmt.Errorf("%d webhooks are called %q, and one is to be pinged: CANARY_WEBHOOK takes an id, too (webhookctl webhook list has them): %w", named, c.Webhook, ErrLasting)
	}
	return found, nil
}
