package progress

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Flags of an event: steps that happen once.
const (
	Queued    = "queued"    // all tasks of the plan are in the queue
	Completed = "completed" // batch.completed is published
	Published = "published" // the event's one outcome is published

	completing = "completing" // somebody publishes batch.completed, see Claim
)

// State is the progress of all events, in one bucket.
type State struct{ store Store }

// New gives the state that store holds.
func New(store Store) *State { return &State{store} }

func folder(key string) string { return "v1/" + key + "/" }

// Plan reads the stored plan of an event, or ErrNotFound.
func (s *State) Plan(ctx context.Context, key string) (*Plan, error) {
	data, err := s.store.Read(ctx, folder(key)+"plan")
	if err != nil {
		return nil, fmt.Errorf("read plan: %w", err)
	}
	var p Plan
	if err := json.Unmarshal(data, &p); err != nil {
		return nil, fmt.Errorf("decode plan: %w", err)
	}
	if p.Format != planFormat {
		return nil, fmt.Errorf("plan of format %d: %w", p.Format, ErrUnknownFormat)
	}
	return &p, nil
}

// Create stores a plan and returns it, or the one that another delivery of the
// event stored first.
func (s *State) Create(ctx context.Context, key string, p *Plan) (*Plan, error) {
	stored := *p
	stored.Format = planFormat
	data, err := json.Marshal(stored)
	if err != nil {
		return nil, fmt.Errorf("encode plan: %w", err)
	}
	err = s.store.Create(ctx, folder(key)+"plan", data, nil)
	if errors.Is(err, ErrExists) {
		return s.Plan(ctx, key)
	}
	if err != nil {
		return nil, fmt.Errorf("create plan: %w", err)
	}
	return &stored, nil
}

// Mark records that the lines which begin in r are published. A marker that
// exists already is as good.
func (s *State) Mark(ctx context.Context, key string, object int, r Interval, c Counts) error {
	name := fmt.Sprintf("%s%s-%019d", markers(key, object), offset(r.Start), r.End)
	if err := s.store.Create(ctx, name, nil, c.metadata()); err != nil && !errors.Is(err, ErrExists) {
		return fmt.Errorf("create marker: %w", err)
	}
	return nil
}

func markers(key string, object int) string {
	return fmt.Sprintf("%srange/%05d/", folder(key), object)
}

// offset is a number whose order is that of its text.
func offset(n int64) string { return fmt.Sprintf("%019d", n) }

// Markers lists what is done of one range.
func (s *State) Markers(ctx context.Context, key string, object int, r Interval) ([]Marker, error) {
	prefix := markers(key, object)
	entries, err := s.store.List(ctx, prefix, prefix+offset(r.Start), prefix+offset(r.End))
	if err != nil {
		return nil, fmt.Errorf("list markers: %w", err)
	}
	all, err := byObject(key, entries)
	return all[object], err
}

// Done lists what is done of an event: markers by object, and whether
// batch.completed is published.
func (s *State) Done(ctx context.Context, key string) (markers map[int][]Marker, completed bool, err error) {
	entries, err := s.store.List(ctx, folder(key), "", "")
	if err != nil {
		return nil, false, fmt.Errorf("list what is done: %w", err)
	}
	completed = slices.ContainsFunc(entries, func(e Entry) bool { return e.Name == folder(key)+"flag/"+Completed })
	entries = slices.DeleteFunc(entries, func(e Entry) bool { return !strings.HasPrefix(e.Name, folder(key)+"range/") })
	markers, err = byObject(key, entries)
	return markers, completed, err
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

// Flag sets a flag; one that is set already stays.
func (s *State) Flag(ctx context.Context, key, flag string) error {
	if err := s.store.Create(ctx, folder(key)+"flag/"+flag, nil, nil); err != nil && !errors.Is(err, ErrExists) {
		return fmt.Errorf("set flag %s: %w", flag, err)
	}
	return nil
}

// claim is who publishes batch.completed, and since when.
type claim struct {
	Owner string    `json:"owner"`
	Since time.Time `json:"since"`
}

// Claim reports whether owner is to publish batch.completed: the first who asks
// is, and again whenever that one comes back. Those who are not may leave it to
// the owner, whose message is not acknowledged before it is published. A claim
// older than lease holds nobody back.
func (s *State) Claim(ctx context.Context, key, owner string, now time.Time, lease time.Duration) (bool, error) {
	name := folder(key) + "flag/" + completing
	data, err := json.Marshal(claim{owner, now})
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
	var first claim
	if err := json.Unmarshal(data, &first); err != nil {
		return false, fmt.Errorf("decode claim: %w", err)
	}
	return first.Owner == owner || now.Sub(first.Since) > lease, nil
}

// Flagged reports whether a flag is set.
func (s *State) Flagged(ctx context.Context, key, flag string) (bool, error) {
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

// Progress is how far a plan's markers cover it.
type Progress struct {
	Done, Missing int    // ranges
	Counts        Counts // of the ranges done
	Bytes         int64  // stored size of all objects
}

// Complete reports whether nothing is missing.
func (p Progress) Complete() bool { return p.Missing == 0 }

// Progress compares a plan with its markers.
func (p *Plan) Progress(byObject map[int][]Marker) Progress {
	var sum Progress
	for i, o := range p.Objects {
		sum.Bytes += o.Size
		starts := byStart(byObject[i], o)
		for k, r := range o.Ranges() {
			pos, counts := Reach(starts[k], r)
			if pos < r.End {
				sum.Missing++
				continue
			}
			sum.Done++
			sum.Counts.Add(counts)
		}
	}
	return sum
}

// byStart groups an object's markers by the range that they lie in, so that a
// range looks at its own only.
func byStart(all []Marker, o Object) map[int][]Marker {
	groups := make(map[int][]Marker)
	for _, m := range all {
		k := 0
		if o.RangeSize > 0 {
			k = int(m.Start / o.RangeSize)
		}
		groups[k] = append(groups[k], m)
	}
	return groups
}
