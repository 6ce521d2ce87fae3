package webhookadmin

import (
	"context"
	"encoding/json"
	"maps"
	"strings"
	"time"

	"example.com/gemini-webhook/internal/secret"
)

// The annotations that hold all state; people may read them, and remove them
// to make the next run adopt the webhook anew.
const (
	AnnotationID      = "gemini-webhook-id"      // the webhook's id
	AnnotationPending = "gemini-webhook-pending" // the mark of a run, JSON
	AnnotationRotated = "gemini-webhook-rotated" // when the newest key was stored, if a rotation made it; RFC 3339
)

// What a run is doing, in its mark; for people.
const (
	doingCreate = "create"
	doingAdopt  = "adopt"
	doingRotate = "rotate"
	doingDelete = "delete"
)

// pending is the mark of a run that is at work or did not finish.
type pending struct {
	Run   string    `json:"run"` // random: whose mark this is
	Doing string    `json:"doing"`
	Since time.Time `json:"since"`
	// Held: the run is at work, or was killed. False: it failed and said so.
	Held bool `json:"held"`

	// Name and URI are those of a webhook that is being created.
	Name string `json:"name,omitempty"`
	URI  string `json:"uri,omitempty"`
	// Unknown: a key may be in force that nobody has.
	Unknown bool `json:"unknown,omitempty"`
	// Revoke: older keys are to be revoked, and their versions disabled.
	Revoke bool `json:"revoke,omitempty"`
	// Disturbed: a run that this one had given up on made a key in the meantime.
	Disturbed bool `json:"disturbed,omitempty"`
}

func (p *pending) lapsed(now time.Time, lease time.Duration) bool { return now.Sub(p.Since) >= lease }

// Note is what a secret's annotations say, for whoever only looks.
type Note struct {
	WebhookID string // empty where the secret names none
	// Mark is the JSON of a run that is at work or did not finish, as it stands;
	// empty where there is none.
	Mark  string
	Doing string    // what that run is about
	Since time.Time // when it began
	// AtWork: the run may be at work still. False: the next run heals it.
	AtWork bool
}

// ReadNote reads the annotations of a secret as they are taken at a time.
func ReadNote(got secret.Metadata, now time.Time) Note {
	st := parse("", got)
	n := Note{WebhookID: st.id, Mark: got.Annotations[AnnotationPending]}
	if p := st.pending; p != nil {
		n.Doing, n.Since, n.AtWork = p.Doing, p.Since, p.Held && !p.lapsed(now, leaseTime)
	}
	return n
}

// state is what a secret's annotations say.
type state struct {
	secret      secret.Name // as the caller names it
	etag        string
	annotations map[string]string

	id      string
	pending *pending
	rotated time.Time
}

// read reads the state of a secret. A mark older than the lease is not held.
func (a *Admin) read(ctx context.Context, name secret.Name) (state, error) {
	got, err := a.secrets.Get(ctx, name)
	if err != nil {
		return state{}, err
	}
	st := parse(name, got)
	if p := st.pending; p != nil && p.lapsed(a.now(), a.lease) {
		p.Held = false // whoever held it is not heard of
	}
	return st, nil
}

// parse reads the annotations. They may be edited by hand: a mark that cannot be
// read is one of a run that failed, and a time that cannot be read is none.
func parse(name secret.Name, got secret.Metadata) state {
	st := state{
		secret: name, etag: got.Etag, annotations: got.Annotations,
		id: webhookID(got.Annotations[AnnotationID]),
	}
	if text, ok := got.Annotations[AnnotationPending]; ok {
		st.pending = new(pending)
		if json.Unmarshal([]byte(text), st.pending) != nil {
			st.pending = &pending{Doing: doingRotate, Unknown: true}
		}
	}
	if at, err := time.Parse(time.RFC3339Nano, got.Annotations[AnnotationRotated]); err == nil {
		st.rotated = at
	}
	return st
}

// webhookID is the id in an annotation, which people may write as a resource name.
func webhookID(text string) string {
	return strings.TrimSpace(text[strings.LastIndexByte(text, '/')+1:])
}

// render is all annotations of the secret with this state; those of others stay.
func (st state) render() map[string]string {
	all := maps.Clone(st.annotations)
	if all == nil {
		all = map[string]string{}
	}
	set := func(name, value string) {
		delete(all, name)
		if value != "" {
			all[name] = value
		}
	}
	var mark string
	if st.pending != nil {
		text, _ := json.Marshal(st.pending) // strings, booleans and a time of our own clock
		mark = string(text)
	}
	var rotated string
	if !st.rotated.IsZero() {
		rotated = st.rotated.UTC().Format(time.RFC3339Nano)
	}
	set(AnnotationID, st.id)
	set(AnnotationPending, mark)
	set(AnnotationRotated, rotated)
	return all
}
