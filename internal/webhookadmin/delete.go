package webhookadmin

import (
	"context"
	"errors"

	"example.com/gemini-webhook/internal/secret"
)

// Delete deletes the webhook that the secret names, and what an interrupted run
// may have created; the versions stay as they are. Where the secret names none,
// or is gone itself, it deletes the webhook of the given id, which may be empty.
// One that is gone already is no error. Errors: [ErrInterrupted] and
// [ErrConflict], where running it again goes on; those of the services.
func (a *Admin) Delete(ctx context.Context, name secret.Name, id string) error {
	var st state
	h, err := a.hold(ctx, name, func(now *state) (*pending, error) {
		if st = *now; st.id == "" && st.pending == nil || id != "" && st.id != "" && st.id != id {
			return nil, nil
		}
		created := st.created()
		return &pending{Doing: doingDelete, Unknown: st.pending != nil, Name: created[0], URI: created[1]}, nil
	})
	switch {
	case id != "" && (errors.Is(err, secret.ErrNotFound) || h == nil && err == nil):
		return ignoreGone(a.webhooks.Delete(ctx, id)) // not the secret's (any more)
	case h == nil || err != nil:
		return err
	}
	return h.delete(ctx, st, id)
}

func (h *hold) delete(ctx context.Context, st state, id string) error {
	ctx, cancel := h.section(ctx)
	defer cancel()
	ids := []string{st.id, id}
	if created := st.created(); created[1] != "" {
		found, err := h.a.like(ctx, [][2]string{created})
		if err != nil {
			return h.fail(ctx, err)
		}
		for _, hook := range found {
			ids = append(ids, hook.ID)
		}
	}
	for _, id := range ids {
		if id == "" {
			continue
		}
		if err := ignoreGone(h.a.webhooks.Delete(ctx, id)); err != nil {
			return h.fail(ctx, err)
		}
	}
	if err := h.done(ctx, ""); err != nil {
		return h.unmarked(err)
	}
	return nil
}

func ignoreGone(err error) error {
	if errors.Is(err, ErrWebhookNotFound) {
		return nil
	}
	return err
}
