package batch

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"example.com/gemini-webhook/internal/outcome"
)

// mark records that the lines which begin in r are published. A marker that
// exists already is as good.
func (s *State) mark(ctx context.Context, key, plan string, object int, r Interval, c outcome.Counts) error {
	name := fmt.Sprintf("%s%s-%019d", markerFolder(key, plan, object), offset(r.Start), r.End)
	if err := s.put(ctx, name, nil, metadataOf(&c)); err != nil {
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
func (s *State) standing(ctx context.Context, key string, plan *Plan) (standing, error) {
	entries, err := s.entries(ctx, key)
	if err != nil {
		return standing{}, err
	}
	return plan.standing(key, entries)
}

// entries lists all objects of an event.
func (s *State) entries(ctx context.Context, key string) ([]Entry, error) {
	entries, err := s.store.List(ctx, folder(key), "", "")
	if err != nil {
		return nil, fmt.Errorf("list what is done: %w", err)
	}
	return entries, nil
}

// standing is what all objects of its event say of a plan.
func (p *Plan) standing(key string, entries []Entry) (now standing, err error) {
	now.completed = slices.ContainsFunc(entries, func(e Entry) bool { return e.Name == folder(key)+"flag/"+completed })
	if now.markers, err = p.markers(key, entries); err != nil {
		return standing{}, err
	}
	now.sum = p.progress(now.markers)
	return now, nil
}

// markers are a plan's among all objects of its event.
func (p *Plan) markers(key string, entries []Entry) (map[int][]Marker, error) {
	folder := planFolder(key, p.id)
	return byObject(folder, slices.DeleteFunc(entries, func(e Entry) bool { return !strings.HasPrefix(e.Name, folder+"range/") }))
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
	visit("usage-lines", &c.TokenLines)
	for i := range c.Tokens {
		visit(strings.ReplaceAll(outcome.TokenCounts[i], "_", "-"), &c.Tokens[i])
	}
}

// nameFields pairs numbers of lines by name with their place in a marker's metadata.
func nameFields(c *outcome.Counts, visit func(field string, names *outcome.Names)) {
	visit("finish-reasons", &c.FinishReasons)
	visit("error-codes", &c.ErrorCodes)
}

func metadataOf(c *outcome.Counts) map[string]string {
	m := make(map[string]string)
	nameFields(c, func(field string, names *outcome.Names) {
		if len(*names) > 0 {
			m[field] = encodeNames(*names)
		}
	})
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
	nameFields(&c, func(field string, names *outcome.Names) {
		if err == nil {
			*names, err = decodeNames(metadata[field])
		}
	})
	return c, err
}

// maxNamesBytes bounds the names of one field in a marker: Cloud Storage takes
// 8 KiB of an object's metadata in all. Fifty of the longest names in ASCII fit.
const maxNamesBytes = 3800

// encodeNames gives numbers by name as a query of a URL, "MAX_TOKENS=1&STOP=7": names
// are whatever lines say, and metadata is best in ASCII. What does not fit is under
// outcome.Other.
func encodeNames(names outcome.Names) string {
	var text []byte
	item := func(name string, n int64) []byte {
		return strconv.AppendInt([]byte("&"+url.QueryEscape(name)+"="), n, 10)
	}
	others := names[outcome.Other]
	for _, name := range names.Sorted() {
		next := item(name, names[name])
		switch {
		case name == outcome.Other:
		case len(text)+len(next) <= maxNamesBytes:
			text = append(text, next...)
		default:
			others += names[name]
		}
	}
	if others > 0 {
		text = append(text, item(outcome.Other, others)...)
	}
	return strings.TrimPrefix(string(text), "&")
}

func decodeNames(text string) (names outcome.Names, err error) {
	query, err := url.ParseQuery(text)
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(query)) {
		n, err := strconv.ParseInt(query.Get(name), 10, 64)
		if err != nil {
			return nil, err
		}
		names.Add(name, n)
	}
	return names, nil
}
