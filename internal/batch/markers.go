package batch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"example.com/gemini-webhook/internal/outcome"
)

// mark records that the lines which begin in r are published. A marker that
// exists already is as good.
func (s *State) mark(ctx context.Context, key, plan string, object int, r Interval, c outcome.Counts) error {
	name := fmt.Sprintf("%s%s-%019d", markerFolder(key, plan, object), offset(r.Start), r.End)
	if err := s.store.Create(ctx, name, nil, metadataOf(&c)); err != nil && !errors.Is(err, ErrExists) {
		return fmt.Errorf("create marker: %w", err)
	}
	return nil
}

func markerFolder(key, plan string, object int) string {
	return fmt.Sprintf("%srange/%05d/", planFolder(key, plan), object)
}

// offset is a number whose order is that of its text.
func offset(n int64) string { return fmt.Sprintf("%019d", n) }

// markers lists what is done of one range of a plan.
func (s *State) markers(ctx context.Context, key, plan string, object int, r Interval) ([]Marker, error) {
	prefix := markerFolder(key, plan, object)
	entries, err := s.store.List(ctx, prefix, prefix+offset(r.Start), prefix+offset(r.End))
	if err != nil {
		return nil, fmt.Errorf("list markers: %w", err)
	}
	all, err := byObject(planFolder(key, plan), entries)
	return all[object], err
}

// standing is how far the work on an event has come, by one plan for it.
type standing struct {
	markers   map[int][]Marker // by object
	sum       progress         // what they cover
	completed bool             // batch.completed is published
}

// standing lists what is done.
func (s *State) standing(ctx context.Context, key string, plan *Plan) (now standing, err error) {
	entries, err := s.store.List(ctx, folder(key), "", "")
	if err != nil {
		return standing{}, fmt.Errorf("list what is done: %w", err)
	}
	now.completed = slices.ContainsFunc(entries, func(e Entry) bool { return e.Name == folder(key)+"flag/"+completed })
	entries = slices.DeleteFunc(entries, func(e Entry) bool { return !strings.HasPrefix(e.Name, planFolder(key, plan.id)+"range/") })
	if now.markers, err = byObject(planFolder(key, plan.id), entries); err != nil {
		return standing{}, err
	}
	now.sum = plan.progress(now.markers)
	return now, nil
}

func byObject(folder string, entries []Entry) (map[int][]Marker, error) {
	all := make(map[int][]Marker)
	for _, e := range entries {
		object, m, err := parseMarker(strings.TrimPrefix(e.Name, folder+"range/"), e.Metadata)
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
		visit(strings.ReplaceAll(outcome.TokenCounts[i], "_", "-"), &c.Tokens[i])
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
