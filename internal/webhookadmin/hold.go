package webhookadmin

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"time"

	"example.com/gemini-webhook/internal/secret"
)

// hold is a run's mark on a secret: while it stands, no other run makes keys.
type hold struct {
	a      *Admin
	secret secret.Name
	mark   pending
}

// free waits until no run holds the secret, or the hold of one that is not heard
// of has lapsed, and returns the state then.
func (a *Admin) free(ctx context.Context, name secret.Name) (state, error) {
	var held pending // the last mark seen
	var first time.Time
	for {
		st, err := a.read(ctx, name)
		switch {
		case err != nil && (held.Run == "" || secret.Definite(err)):
			return state{}, err
		case err != nil: // an outage while waiting: wait on
		case st.pending == nil || !st.pending.Held:
			return st, nil
		case st.pending.Run != held.Run:
			held, first = *st.pending, a.now()
		}
		// A mark from a clock ahead of ours is waited for once the lease, not for ever.
		if a.now().Sub(first) >= a.lease {
			if err == nil {
				st.pending.Held = false
			}
			return st, err
		}
		if !sleep(ctx, a.poll) {
			return state{}, heldBy(name, held, a.lease, ctx.Err())
		}
	}
}

// hold puts the mark that choose returns on a secret that no run holds, which
// choose may change the state for; nil: there is no need to. Choose is asked
// about the very state that the mark is put on, so that of several runs at once
// one does what there is to do.
func (a *Admin) hold(ctx context.Context, name secret.Name, choose func(*state) (*pending, error)) (*hold, error) {
	for range maxTries {
		st, err := a.free(ctx, name)
		if err != nil {
			return nil, err
		}
		mark, err := choose(&st)
		if mark == nil || err != nil {
			return nil, err
		}
		if h, err := a.take(ctx, st, *mark); !errors.Is(err, ErrConflict) {
			return h, err
		}
	}
	return nil, fmt.Errorf("%s: %w; run it again", name, ErrConflict)
}

// heldBy is the error of a run that did not want to wait any longer.
func heldBy(name secret.Name, mark pending, lease time.Duration, cause error) error {
	return fmt.Errorf("%s: %w since %s; if that one was killed, run again after %s: %w", name, ErrConflict,
		mark.Since.UTC().Format(time.RFC3339), mark.Since.Add(lease).UTC().Format(time.RFC3339), cause)
}

// take puts the mark on a secret that is still as st says; else it is
// [ErrConflict] and the caller reads again.
func (a *Admin) take(ctx context.Context, st state, mark pending) (*hold, error) {
	mark.Run, mark.Since, mark.Held = rand.Text(), a.now().UTC(), true
	h := &hold{a, st.secret, mark}
	st.pending = &mark
	err := a.secrets.SetAnnotations(ctx, st.secret, st.render(), st.etag)
	if err == nil {
		return h, nil
	}
	if errors.Is(err, secret.ErrChanged) {
		return nil, fmt.Errorf("%w: %w", ErrConflict, err)
	}
	if !secret.Definite(err) { // perhaps only the answer was lost
		if now, readErr := a.read(ctx, st.secret); readErr == nil && h.stands(now) {
			return h, nil
		}
	}
	return nil, err
}

func (h *hold) stands(st state) bool { return st.pending != nil && st.pending.Run == h.mark.Run }

// section is the context of what is done under the mark: it goes on where the
// caller's is cancelled, and ends before others may take the mark over.
func (h *hold) section(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), sectionTime)
}

// done removes the mark: id's newest key is stored. An empty id says that there
// is no webhook any more. Where the mark was taken over, or another run made a
// key under it, it is [ErrConflict], and a mark that makes the next run rotate
// stays behind.
func (h *hold) done(ctx context.Context, id string) error {
	now := h.a.now()
	return h.change(ctx, func(st *state) {
		st.id, st.rotated, st.pending = id, now, nil
		if id == "" || h.mark.Doing == doingCreate {
			st.rotated = time.Time{}
		}
	})
}

// fail leaves the mark for the next run, which need not wait for the lease. If
// cause says that nothing was done, and no older run's work is unfinished, there
// is nothing to heal and the mark is removed. It tries for some seconds, and
// returns the cause.
func (h *hold) fail(ctx context.Context, cause error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTime)
	defer cancel()
	clean := refused(cause) && !h.mark.Unknown
	_ = h.change(ctx, func(st *state) { // else the lease ends it
		st.pending = nil
		if !clean {
			left := h.mark
			left.Held, left.Unknown = false, true
			st.pending = &left
		}
	})
	if clean {
		return cause
	}
	return fmt.Errorf("%w: %w", ErrInterrupted, cause)
}

// change writes f's change of the state while the mark stands. It tries until
// ctx ends or an error is definite.
func (h *hold) change(ctx context.Context, f func(*state)) error {
	var written map[string]string
	var lost bool
	err := h.a.retry(ctx, func() error {
		st, err := h.a.read(ctx, h.secret)
		if err != nil || written != nil && maps.Equal(written, st.annotations) { // only the answer was lost
			return err
		}
		lost, written, err = h.write(ctx, st, f)
		return err
	})
	if err == nil && lost {
		return fmt.Errorf("%w: it took over while this one stood still; run it again, the next run heals it", ErrConflict)
	}
	return err
}

// write makes one attempt of change. Lost says that another run has interfered,
// so that what it wrote is a mark for the next run.
func (h *hold) write(ctx context.Context, st state, f func(*state)) (lost bool, written map[string]string, err error) {
	next := st
	switch {
	case !h.stands(st) && st.pending != nil:
		theirs := *st.pending
		theirs.Disturbed, theirs.Revoke = true, theirs.Revoke || h.mark.Revoke
		next.pending, lost = &theirs, true
	case !h.stands(st), st.pending.Disturbed:
		if h.stands(st) {
			f(&next) // what it did stands, but is not all
		}
		left := h.mark
		left.Held, left.Unknown, lost = false, true, true
		next.pending = &left
	default:
		f(&next)
	}
	written = next.render()
	return lost, written, h.a.secrets.SetAnnotations(ctx, h.secret, written, st.etag)
}
