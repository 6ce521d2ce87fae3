package webhookadmin

import (
	"context"
	"errors"
	"fmt"

	"example.com/gemini-webhook/internal/secret"
)

// Delete deletes the webhook that the secret names, and what an interrupted run
// may have created; the versions stay as they are. Where the secret names none,
// or is gone itself, it deletes the webhook of the given id, which may be empty.
// One that is gone already is no error. Errors: [ErrInterrupted] and
// [ErrConflict], where running it again goes on; those of the services.
func (a *Admin) Delete(ctx context.Context, name secret.Name, id string) error {
	for range maxTries {
		st, err := a.free(ctx, name)
		if id != "" && (errors.Is(err, secret.ErrNotFound) || err == nil && st.id != "" && st.id != id) {
			return ignoreGone(a.webhooks.Delete(ctx, id)) // not the secret's (any more)
		}
		if err != nil {
			return err
		}
		if st.id == "" && st.pending == nil {
			if id == "" {
				return nil
			}
			return ignoreGone(a.webhooks.Delete(ctx, id))
		}
		mark := pending{Doing: doingDelete, Unknown: st.pending != nil}
		mark.Name, mark.URI = st.created()[0], st.created()[1]
		h, err := a.take(ctx, st, mark)
		if errors.Is(err, ErrConflict) {
			continue
		}
		if err != nil {
			return err
		}
		return h.delete(ctx, st, id)
	}
	return fmt.Errorf("%s: %w; run it again", name, ErrConflict)
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
