package webhookadmin

import (
	"context"
	"errors"
	"fmt"
	"time"

	"example.com/gemini-webhook/internal/secret"
)

// Behavior is what a rotation does to the older keys.
type Behavior string

const (
	// After24h keeps the older keys in force for 24 h more.
	After24h Behavior = "after_24h"
	// Immediately revokes the older keys, and disables their versions, so that
	// receivers refuse them too as soon as they look.
	Immediately Behavior = "immediately"
)

// Rotated is what a rotation did. It has no secret.
type Rotated struct {
	WebhookID string  `json:"webhook_id"`
	Versions  []int64 `json:"versions"` // stored, the newest last
	Disabled  []int64 `json:"disabled,omitempty"`
}

// Rotate makes a new signing secret for the webhook that the secret names and
// stores it. What an interrupted run left is healed on the way. After immediate
// revocation it sends a ping, which is signed with the new key alone: a receiver
// that gets it looks at the versions and refuses the older keys from then on,
// before SECRET_TTL is over. Errors:
// [ErrNoWebhook]; [ErrInterrupted] where it must be run again; [ErrConflict];
// [ErrDesired] for an unknown behavior; those of the services, where nothing was
// done.
func (a *Admin) Rotate(ctx context.Context, name secret.Name, behavior Behavior) (Rotated, error) {
	if behavior != After24h && behavior != Immediately {
		return Rotated{}, fmt.Errorf("%w: revocation: want %s or %s", ErrDesired, After24h, Immediately)
	}
	rotated, _, err := a.rotate(ctx, name, behavior == Immediately, nil)
	if err == nil && behavior == Immediately {
		_ = a.webhooks.Ping(ctx, rotated.WebhookID) // else they look when the next delivery comes, or after SECRET_TTL
	}
	return rotated, err
}

// rotate rotates unless skip says that there is no need to; skip is not asked
// where something is to be healed.
func (a *Admin) rotate(ctx context.Context, name secret.Name, revoke bool, skip func(state) (bool, error)) (r Rotated, skipped bool, err error) {
	var hook Webhook
	h, err := a.hold(ctx, name, func(st *state) (_ *pending, err error) {
		if hook, err = a.webhookOf(ctx, *st); err != nil {
			return nil, err
		}
		if skip != nil && st.pending == nil {
			if skipped, err := skip(*st); skipped || err != nil {
				return nil, err
			}
		}
		mark := pending{Doing: doingRotate, Unknown: st.pending != nil, Revoke: revoke || st.pending != nil && st.pending.Revoke}
		return &mark, a.secrets.CanAdd(ctx, name)
	})
	if h == nil || err != nil {
		return Rotated{}, err == nil, err
	}
	r, err = h.renew(ctx, hook.ID)
	return r, false, err
}

// renew gives the webhook a new key under the mark, stores it and removes the
// mark; the package's documentation says which steps it takes and why.
func (h *hold) renew(ctx context.Context, id string) (Rotated, error) {
	ctx, cancel := h.section(ctx)
	defer cancel()
	r := Rotated{WebhookID: id}
	if err := h.renewed(ctx, &r); err != nil {
		return r, h.fail(ctx, err)
	}
	if err := h.done(ctx, id); err != nil {
		return r, h.unmarked(err)
	}
	return r, nil
}

func (h *hold) renewed(ctx context.Context, r *Rotated) error {
	if h.mark.Unknown && !h.mark.Revoke {
		versions, err := h.a.secrets.Versions(ctx, h.secret)
		if err != nil {
			return err
		}
		if _, enabled := secret.NewestEnabled(versions); enabled {
			if err := h.step(ctx, r, false); err != nil {
				return err
			}
		}
	}
	if err := h.step(ctx, r, h.mark.Unknown || h.mark.Revoke); err != nil || !h.mark.Revoke {
		return err
	}
	disabled, err := h.a.disableOlder(ctx, h.secret, r.Versions[len(r.Versions)-1])
	if r.Disabled = disabled; err != nil {
		return fmt.Errorf("version %d is stored and in force, but older ones are not all disabled: %w", r.Versions[len(r.Versions)-1], err)
	}
	return nil
}

// step asks Gemini for a new key and stores it.
func (h *hold) step(ctx context.Context, r *Rotated, immediately bool) error {
	if end, ok := ctx.Deadline(); ok && time.Until(end) < stepTime {
		return errors.New("the services are too slow to make and store another key in time")
	}
	key, err := h.a.webhooks.Rotate(ctx, r.WebhookID, immediately)
	if err != nil {
		return err
	}
	number, err := h.store(ctx, key)
	if err != nil {
		return err
	}
	r.Versions = append(r.Versions, number)
	return nil
}

// store adds a version. It is the only copy of a key in force, so it is tried
// until time is up; an answer that was lost makes a second version of the same
// key, which does no harm.
func (h *hold) store(ctx context.Context, payload secret.Value) (number int64, err error) {
	err = h.a.retry(ctx, func() error {
		number, err = h.a.secrets.Add(ctx, h.secret, payload)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("the new signing secret could not be stored and is lost: %w", err)
	}
	return number, nil
}

// unmarked is an error of done: the key is stored, but the next run does not know.
func (h *hold) unmarked(err error) error {
	if errors.Is(err, ErrConflict) {
		return err
	}
	return fmt.Errorf("%w: the new signing secret is stored, but not marked so: %w", ErrInterrupted, err)
}
