package webhookadmin

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"example.com/gemini-webhook/internal/secret"
)

// plan is what one look at the state leads to.
type plan struct {
	hook Webhook // zero where one is to be created
	why  Reason  // to rotate, or empty
}

// plan compares the state and Gemini's webhooks with what is desired.
func (a *Admin) plan(ctx context.Context, d Desired, st state) (plan, error) {
	hook, err := a.find(ctx, d, st)
	if err != nil || hook.ID == "" {
		return plan{}, err
	}
	p := plan{hook: hook}
	switch {
	case hook.ID != st.id:
		p.why = Adopted
	case st.pending != nil && !st.pending.Held:
		p.why = Interrupted
	default:
		versions, err := a.secrets.Versions(ctx, d.SigningSecret)
		if err != nil {
			return plan{}, err
		}
		if _, enabled := secret.NewestEnabled(versions); !enabled && st.pending == nil {
			p.why = NoVersion
		}
	}
	return p, nil
}

// find looks for our webhook: by the id that the secret names, by the given one,
// and by name and uri, the desired ones and those that an interrupted run has
// created one with. It returns the zero Webhook where there is none.
func (a *Admin) find(ctx context.Context, d Desired, st state) (Webhook, error) {
	for _, id := range []string{st.id, d.ID} {
		if id == "" {
			continue
		}
		hook, err := a.webhooks.Get(ctx, id)
		if !errors.Is(err, ErrWebhookNotFound) {
			return hook, err
		}
	}
	found, err := a.like(ctx, [][2]string{{d.Name, d.URI}, st.created()})
	switch {
	case err != nil || len(found) == 0:
		return Webhook{}, err
	case len(found) > 1:
		var ids []string
		for _, hook := range found {
			ids = append(ids, hook.ID)
		}
		return Webhook{}, fmt.Errorf("%w: %s", ErrAmbiguous, strings.Join(ids, ", "))
	}
	return found[0], nil
}

// created is the name and uri of what an interrupted run was about to create.
func (st state) created() (nameAndURI [2]string) {
	if st.pending != nil {
		nameAndURI = [2]string{st.pending.Name, st.pending.URI}
	}
	return nameAndURI
}

// like lists the webhooks with one of these names and uris.
func (a *Admin) like(ctx context.Context, wanted [][2]string) (found []Webhook, err error) {
	all, err := a.webhooks.List(ctx)
	for _, hook := range all {
		for _, w := range wanted {
			if w[1] != "" && hook.Name == w[0] && hook.URI == w[1] {
				found = append(found, hook)
				break
			}
		}
	}
	return found, err
}

// Plan says what [Admin.Ensure] would do. It changes nothing and does not wait
// for other runs. Errors as Ensure's.
func (a *Admin) Plan(ctx context.Context, d Desired) (Changes, error) {
	if err := d.check(); err != nil {
		return Changes{}, err
	}
	st, err := a.read(ctx, d.SigningSecret)
	if err != nil {
		return Changes{}, err
	}
	p, err := a.plan(ctx, d, st)
	if err != nil {
		return Changes{}, err
	}
	c := Changes{Create: p.hook.ID == "", Rotate: p.why, Busy: st.pending != nil && st.pending.Held}
	if c.Create && !d.Enabled {
		c.Update = []string{"state"}
	}
	if !c.Create {
		c.Update = d.diff(p.hook).Names()
	}
	return c, nil
}

// Ensure brings about what is desired: it creates the webhook, or adopts one with
// the same name and uri, heals what interrupted runs left, and updates the fields
// that differ. Every signing secret that comes of it is stored. It waits while
// another run is at work on the same secret. Errors: [ErrDesired],
// [ErrAmbiguous]; [ErrInterrupted] and [ErrConflict], where running it again goes
// on; those of the services.
func (a *Admin) Ensure(ctx context.Context, d Desired) (Webhook, Changes, error) {
	if err := d.check(); err != nil {
		return Webhook{}, Changes{}, err
	}
	hook, changes, err := a.keyed(ctx, d)
	if err != nil {
		return Webhook{}, changes, err
	}
	fields := d.diff(hook)
	if changes.Update = fields.Names(); len(changes.Update) > 0 {
		hook, err = a.webhooks.Update(ctx, hook.ID, fields)
	}
	return hook, changes, err
}

// keyed makes sure that there is a webhook whose key is stored.
func (a *Admin) keyed(ctx context.Context, d Desired) (Webhook, Changes, error) {
	var p plan
	h, err := a.hold(ctx, d.SigningSecret, func(st *state) (_ *pending, err error) {
		if p, err = a.plan(ctx, d, *st); err != nil || p.hook.ID != "" && p.why == "" {
			return nil, err
		}
		mark := &pending{Doing: doingRotate, Unknown: true, Revoke: st.pending != nil && st.pending.Revoke}
		switch {
		case p.hook.ID == "": // an older mark of a rotation is of a webhook that is gone
			mark = &pending{Doing: doingCreate, Name: d.Name, URI: d.URI, Unknown: st.pending != nil}
			st.id = ""
		case p.why == Adopted:
			mark.Doing = doingAdopt
			st.id = p.hook.ID
		}
		return mark, a.secrets.CanAdd(ctx, d.SigningSecret)
	})
	switch {
	case err != nil:
		return Webhook{}, Changes{}, err
	case h == nil:
		return p.hook, Changes{}, nil
	case p.hook.ID == "":
		return h.create(ctx, d)
	}
	r, err := h.renew(ctx, p.hook.ID)
	changes := Changes{Rotate: p.why, Versions: r.Versions}
	if err != nil {
		return Webhook{}, changes, err
	}
	hook, err := a.webhooks.Get(ctx, p.hook.ID) // with its new secrets
	return hook, changes, err
}

// create registers the webhook under the mark, stores its key, and removes the
// mark.
func (h *hold) create(ctx context.Context, d Desired) (Webhook, Changes, error) {
	ctx, cancel := h.section(ctx)
	defer cancel()
	changes := Changes{Create: true}
	hook, key, err := h.a.webhooks.Create(ctx, d.fields())
	if err != nil {
		return Webhook{}, changes, h.fail(ctx, err)
	}
	number, err := h.store(ctx, key)
	if err != nil {
		return Webhook{}, changes, h.fail(ctx, err)
	}
	changes.Versions = []int64{number}
	if err := h.done(ctx, hook.ID); err != nil {
		return Webhook{}, changes, errors.Join(h.unmarked(err), h.withdraw(ctx, hook.ID, err))
	}
	return hook, changes, nil
}

// withdraw deletes a webhook that was created while another run took over,
// unless that one has adopted it.
func (h *hold) withdraw(ctx context.Context, id string, cause error) error {
	if !errors.Is(cause, ErrConflict) {
		return nil // the mark stands: the next run finds the webhook
	}
	st, err := h.a.read(ctx, h.secret)
	if err != nil || st.id == id {
		return err
	}
	return ignoreGone(h.a.webhooks.Delete(ctx, id))
}
