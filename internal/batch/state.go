package batch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Errors of a Store, which adapters wrap.
var (
	// ErrExists: Create found an object of that name.
	ErrExists = errors.New("state object exists already")
	// ErrNotFound: there is no state object of that name.
	ErrNotFound = errors.New("state object not found")
)

// ErrUnknownFormat: a plan or a queued range was written by a version of this program
// that this one does not understand.
var ErrUnknownFormat = errors.New("state has an unknown format; deploy the version that wrote it, or a newer one")

// Store is the state bucket. All methods are strongly consistent, as Cloud
// Storage is.
type Store interface {
	// Create writes an object that must not exist yet, else ErrExists.
	Create(ctx context.Context, name string, data []byte, metadata map[string]string) error
	// Read returns an object's content, or ErrNotFound.
	Read(ctx context.Context, name string) ([]byte, error)
	// List returns the objects whose names begin with prefix, in name order;
	// of those, where from and to are not empty, the ones in [from, to).
	List(ctx context.Context, prefix, from, to string) ([]Entry, error)
}

// Entry is one listed object of a Store.
type Entry struct {
	Name     string
	Metadata map[string]string
}

// Flags of an event: steps that happen once.
const (
	Published = "published" // the event's one outcome is published
	Retried   = "retried"   // its failed lines are retried, or will not be

	completed  = "completed"   // batch.completed is published
	incomplete = "incomplete-" // and a number: batch.incomplete is published
)

// Objects of a plan besides its markers.
const (
	queued     = "queued-"    // and Plan.Made: all ranges are in the queue
	completing = "completing" // somebody publishes batch.completed, see claim
)

// State is what is done of all events, in one bucket.
type State struct{ store Store }

// NewState gives the state that store holds.
func NewState(store Store) *State { return &State{store} }

// folder is what belongs to an event.
func folder(key string) string { return "v1/" + key + "/" }

// planFolder is what is true of one plan for an event, and of no other: a plan
// that is made again after the state was lost may be of other generations.
func planFolder(key, plan string) string { return folder(key) + plan + "/" }

// queuedFlag is of the plan that is stored, and not of one of the same work that
// was lost: its ranges may have been queued, and done, and their markers lost.
func queuedFlag(key string, p *Plan) string {
	return fmt.Sprintf("%s%s%d", planFolder(key, p.id), queued, p.Made)
}

// plan reads the stored plan of an event, or ErrNotFound.
func (s *State) plan(ctx context.Context, key string) (*Plan, error) {
	data, err := s.store.Read(ctx, folder(key)+"plan")
	if err != nil {
		return nil, fmt.Errorf("read plan: %w", err)
	}
	return decodePlan(data)
}

// create stores a plan and returns it, or the one that another delivery of the
// event stored first.
func (s *State) create(ctx context.Context, key string, p *Plan) (*Plan, error) {
	stored := *p
	stored.Format, stored.id = format, p.identity()
	data, err := json.Marshal(stored)
	if err != nil {
		return nil, fmt.Errorf("encode plan: %w", err)
	}
	err = s.store.Create(ctx, folder(key)+"plan", data, nil)
	if errors.Is(err, ErrExists) {
		return s.plan(ctx, key)
	}
	if err != nil {
		return nil, fmt.Errorf("create plan: %w", err)
	}
	return &stored, nil
}

// owner is who does a step, and since when.
type owner struct {
	Name  string    `json:"owner"`
	Since time.Time `json:"since"`
}

// lease is how long a claim keeps others from a step: as long as a task may
// take, after which its owner is redelivered or gone.
const lease = MaxTaskTime

// claim reports whether a task is to do the step that the object name stands
// for: the first who asks is, and again whenever that one comes back. A claim
// older than lease holds nobody back. Whoever else leaves the step to the owner
// must know that the owner's message is not acknowledged before it is done.
func (s *State) claim(ctx context.Context, name, task string, now time.Time) (bool, error) {
	data, err := json.Marshal(owner{task, now})
	if err != nil {
		return false, fmt.Errorf("encode claim: %w", err)
	}
	err = s.store.Create(ctx, name, data, nil)
	if err == nil {
		return true, nil
	}
	if !errors.Is(err, ErrExists) {
		return false, fmt.Errorf("create claim: %w", err)
	}
	if data, err = s.store.Read(ctx, name); err != nil {
		return false, fmt.Errorf("read claim: %w", err)
	}
	var first owner
	if err := json.Unmarshal(data, &first); err != nil {
		return false, fmt.Errorf("decode claim: %w", err)
	}
	return first.Name == task || now.Sub(first.Since) > lease, nil
}

// Once does a step of an event unless its flag is set, and sets it.
func (s *State) Once(ctx context.Context, key, flag string, do func() error) error {
	name := folder(key) + "flag/" + flag
	done, err := s.exists(ctx, name)
	if err != nil || done {
		return err
	}
	if err := do(); err != nil {
		return err
	}
	return s.set(ctx, name, nil)
}

// set creates an object that stands for a fact; one that exists already stays.
func (s *State) set(ctx context.Context, name string, metadata map[string]string) error {
	if err := s.put(ctx, name, nil, metadata); err != nil {
		return fmt.Errorf("set flag: %w", err)
	}
	return nil
}

// put creates an object unless there is one of its name, which is as good.
func (s *State) put(ctx context.Context, name string, data []byte, metadata map[string]string) error {
	if err := s.store.Create(ctx, name, data, metadata); !errors.Is(err, ErrExists) {
		return err
	}
	return nil
}

func (s *State) exists(ctx context.Context, name string) (bool, error) {
	_, err := s.store.Read(ctx, name)
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, ErrNotFound):
		return false, nil
	default:
		return false, fmt.Errorf("read flag: %w", err)
	}
}
