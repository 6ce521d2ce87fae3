package batch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.com/gemini-webhook/internal/outcome"
)

// Errors of a Store, which adapters wrap.
var (
	// ErrExists: Create found an object of that name.
	ErrExists = errors.New("state object exists already")
	// ErrNotFound: there is no state object of that name.
	ErrNotFound = errors.New("state object not found")
)

// errUnknownFormat: an object in the state bucket was written by a version of
// this program that this one does not understand.
var errUnknownFormat = errors.New("state has an unknown format; deploy the version that wrote it, or a newer one")

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

	queued     = "queued"     // all ranges of the plan are in the queue
	completed  = "completed"  // batch.completed is published
	completing = "completing" // somebody publishes batch.completed, see claim
)

// State is what is done of all events, in one bucket.
type State struct{ store Store }

// NewState gives the state that store holds.
func NewState(store Store) *State { return &State{store} }

func folder(key string) string { return "v1/" + key + "/" }

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
	stored.Format = format
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

// mark records that the lines which begin in r are published. A marker that
// exists already is as good.
func (s *State) mark(ctx context.Context, key string, object int, r Interval, c outcome.Counts) error {
	name := fmt.Sprintf("%s%s-%019d", markerFolder(key, object), offset(r.Start), r.End)
	if err := s.store.Create(ctx, name, nil, metadataOf(&c)); err != nil && !errors.Is(err, ErrExists) {
		return fmt.Errorf("create marker: %w", err)
	}
	return nil
}

func markerFolder(key string, object int) string {
	return fmt.Sprintf("%srange/%05d/", folder(key), object)
}

// offset is a number whose order is that of its text.
func offset(n int64) string { return fmt.Sprintf("%019d", n) }

// markers lists what is done of one range.
func (s *State) markers(ctx context.Context, key string, object int, r Interval) ([]Marker, error) {
	prefix := markerFolder(key, object)
	entries, err := s.store.List(ctx, prefix, prefix+offset(r.Start), prefix+offset(r.End))
	if err != nil {
		return nil, fmt.Errorf("list markers: %w", err)
	}
	all, err := byObject(key, entries)
	return all[object], err
}

// done lists what is done of an event: markers by object, and whether
// batch.completed is published.
func (s *State) done(ctx context.Context, key string) (markers map[int][]Marker, complete bool, err error) {
	entries, err := s.store.List(ctx, folder(key), "", "")
	if err != nil {
		return nil, false, fmt.Errorf("list what is done: %w", err)
	}
	complete = slices.ContainsFunc(entries, func(e Entry) bool { return e.Name == folder(key)+"flag/"+completed })
	entries = slices.DeleteFunc(entries, func(e Entry) bool { return !strings.HasPrefix(e.Name, folder(key)+"range/") })
	markers, err = byObject(key, entries)
	return markers, complete, err
}

func byObject(key string, entries []Entry) (map[int][]Marker, error) {
	all := make(map[int][]Marker)
	for _, e := range entries {
		object, m, err := parseMarker(strings.TrimPrefix(e.Name, folder(key)+"range/"), e.Metadata)
		if err != nil {
			return nil, fmt.Errorf("marker %q: %w", e.Name, err)
		}
		all[object] = append(all[object], m)
	}
	return all, nil
}

// parseMarker reads "<object>/<start>-<end>" and the counts beside it.
func parseMarker(name string, metadata map[string]string) (object int, m Marker, err error) {
	first, rest, _ := strings.Cut(name, "/")
	start, end, _ := strings.Cut(rest, "-")
	var errs [4]error
	object, errs[0] = strconv.Atoi(first)
	m.Start, errs[1] = strconv.ParseInt(start, 10, 64)
	m.End, errs[2] = strconv.ParseInt(end, 10, 64)
	m.Counts, errs[3] = countsOf(metadata)
	return object, m, errors.Join(errs[:]...)
}

// countFields pairs each count with its name in a marker's metadata.
func countFields(c *outcome.Counts, visit func(name string, n *int64)) {
	visit("total", &c.Total)
	visit("succeeded", &c.Succeeded)
	visit("failed", &c.Failed)
	visit("invalid", &c.Invalid)
	for i := range c.Tokens {
		visit(strings.ReplaceAll(outcome.TokenCounts[i].Name, "_", "-"), &c.Tokens[i])
	}
}

func metadataOf(c *outcome.Counts) map[string]string {
	m := make(map[string]string)
	countFields(c, func(name string, n *int64) {
		if *n != 0 {
			m[name] = strconv.FormatInt(*n, 10)
		}
	})
	return m
}

func countsOf(metadata map[string]string) (c outcome.Counts, err error) {
	countFields(&c, func(name string, n *int64) {
		if text, ok := metadata[name]; ok && err == nil {
			*n, err = strconv.ParseInt(text, 10, 64)
		}
	})
	return c, err
}

// owner is who publishes batch.completed, and since when.
type owner struct {
	Name  string    `json:"owner"`
	Since time.Time `json:"since"`
}

// claim reports whether a task is to publish batch.completed: the first who asks
// is, and again whenever that one comes back. Those who are not may leave it to
// the owner, whose message is not acknowledged before it is published. A claim
// older than lease holds nobody back.
func (s *State) claim(ctx context.Context, key, task string, now time.Time, lease time.Duration) (bool, error) {
	name := folder(key) + "flag/" + completing
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
	done, err := s.flagged(ctx, key, flag)
	if err != nil || done {
		return err
	}
	if err := do(); err != nil {
		return err
	}
	return s.flag(ctx, key, flag)
}

// flag sets a flag; one that is set already stays.
func (s *State) flag(ctx context.Context, key, flag string) error {
	if err := s.store.Create(ctx, folder(key)+"flag/"+flag, nil, nil); err != nil && !errors.Is(err, ErrExists) {
		return fmt.Errorf("set flag %s: %w", flag, err)
	}
	return nil
}

// flagged reports whether a flag is set.
func (s *State) flagged(ctx context.Context, key, flag string) (bool, error) {
	_, err := s.store.Read(ctx, folder(key)+"flag/"+flag)
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, ErrNotFound):
		return false, nil
	default:
		return false, fmt.Errorf("read flag %s: %w", flag, err)
	}
}
