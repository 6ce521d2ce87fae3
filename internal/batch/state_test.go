package batch

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"example.com/gemini-webhook/internal/object"
	"example.com/gemini-webhook/internal/outcome"
)

// memory is a Store as Cloud Storage behaves.
type memory struct {
	mu      sync.Mutex
	objects map[string]entry
}

type entry struct {
	data     []byte
	metadata map[string]string
}

func (m *memory) Create(_ context.Context, name string, data []byte, metadata map[string]string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.objects[name]; ok {
		return ErrExists
	}
	if m.objects == nil {
		m.objects = make(map[string]entry)
	}
	m.objects[name] = entry{slices.Clone(data), metadata}
	return nil
}

func (m *memory) Read(_ context.Context, name string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, ok := m.objects[name]
	if !ok {
		return nil, ErrNotFound
	}
	return e.data, nil
}

func (m *memory) List(_ context.Context, prefix, from, to string) ([]Entry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []Entry
	for name, e := range m.objects {
		if strings.HasPrefix(name, prefix) && name >= from && (to == "" || name < to) {
			found = append(found, Entry{name, e.metadata})
		}
	}
	slices.SortFunc(found, func(a, b Entry) int { return strings.Compare(a.Name, b.Name) })
	return found, nil
}

func TestPlanIsTheFirstOne(t *testing.T) {
	t.Parallel()
	s := NewState(&memory{})
	if _, err := s.plan(t.Context(), "k"); !errors.Is(err, ErrNotFound) {
		t.Fatalf("no plan yet: got %v, want ErrNotFound", err)
	}
	first := &Plan{URI: "gs://b/o", Mode: Lines, Event: []byte("e\xff"), Objects: []Planned{{object.Object{Bucket: "b", Name: "o", Generation: 7, Size: 10}, 4}}}
	if _, err := s.create(t.Context(), "k", first); err != nil {
		t.Fatal(err)
	}
	got, err := s.create(t.Context(), "k", &Plan{URI: "gs://b/o", Mode: Summary, Objects: []Planned{{object.Object{Bucket: "b", Name: "o", Generation: 8, Size: 11}, 5}}})
	if err != nil {
		t.Fatal(err)
	}
	want := *first
	want.Format = format
	if diff := cmp.Diff(&want, got, cmpopts.IgnoreUnexported(Plan{})); diff != "" {
		t.Errorf("the loser of the race must use the winner's plan (-want +got):\n%s", diff)
	}
}

func TestMarkersAreReadBack(t *testing.T) {
	t.Parallel()
	s := NewState(&memory{})
	counts := outcome.Counts{Total: 4, Succeeded: 3, Failed: 1, Tokens: outcome.Tokens{10, 0, 12}}
	for _, m := range []struct {
		key, plan string
		object    int
		r         Interval
	}{
		{"k", "p", 0, Interval{0, 4}},
		{"k", "p", 0, Interval{4, 10}},
		{"k", "p", 1, Interval{0, toEnd}},
		{"other", "p", 0, Interval{0, 4}},
		{"k", "q", 1, Interval{0, 7}},
		{"k", "p", 0, Interval{0, 4}}, // again: as good
	} {
		if err := s.mark(t.Context(), m.key, m.plan, m.object, m.r, counts); err != nil {
			t.Fatal(err)
		}
	}
	want := map[int][]Marker{
		0: {{Interval{0, 4}, counts}, {Interval{4, 10}, counts}},
		1: {{Interval{0, toEnd}, counts}},
	}
	for _, complete := range []bool{false, true} {
		now, err := s.standing(t.Context(), "k", &Plan{id: "p"})
		if err != nil || now.completed != complete {
			t.Fatalf("completed %v, %v, want %v", now.completed, err, complete)
		}
		if diff := cmp.Diff(want, now.markers); diff != "" {
			t.Errorf("what is done (-want +got):\n%s", diff)
		}
		for _, name := range []string{"v1/k/p/queued-1", "v1/k/flag/completed"} {
			if err := s.set(t.Context(), name, nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, test := range []struct {
		object int
		r      Interval
		want   []Marker
	}{
		{1, Interval{0, toEnd}, want[1]},
		{0, Interval{0, 10}, want[0]},
		{0, Interval{4, 10}, want[0][1:]},
		{0, Interval{0, 4}, want[0][:1]},
		{0, Interval{5, 10}, nil},
	} {
		got, err := s.markers(t.Context(), "k", "p", test.object, test.r)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("Markers of %d %v (-want +got):\n%s", test.object, test.r, diff)
		}
	}
}

func TestClaim(t *testing.T) {
	t.Parallel()
	s := NewState(&memory{})
	start := time.Date(2026, 1, 22, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		owner string
		after time.Duration
		want  bool
	}{
		{"a", 0, true}, {"b", 0, false}, {"a", time.Minute, true}, {"b", 10 * time.Minute, false}, {"b", 11 * time.Minute, true}, {"a", 11 * time.Minute, true},
	} {
		got, err := s.claim(t.Context(), "v1/k/p/completing", c.owner, start.Add(c.after))
		if err != nil || got != c.want {
			t.Errorf("%s after %v: %v, %v, want %v", c.owner, c.after, got, err, c.want)
		}
	}
}

func TestOnce(t *testing.T) {
	t.Parallel()
	s := NewState(&memory{})
	times := 0
	for _, fails := range []error{errors.New("not yet"), nil, nil} {
		err := s.Once(t.Context(), "k", Published, func() error {
			times++
			return fails
		})
		if !errors.Is(err, fails) {
			t.Errorf("got %v, want %v", err, fails)
		}
	}
	if times != 2 {
		t.Errorf("done %d times, want twice: it failed once", times)
	}
}

// Plans are told apart by what their markers are true of.
func TestPlanIdentity(t *testing.T) {
	t.Parallel()
	plan := func(change func(*Plan)) string {
		p := &Plan{URI: "gs://b/o", Mode: Lines, Event: []byte("e"), Objects: []Planned{
			{object.Object{Bucket: "b", Name: "o", Generation: 7, Size: 10}, 4}, {object.Object{Bucket: "b", Name: "p", Generation: 7, Size: 10}, 4},
		}}
		change(p)
		return p.identity()
	}
	first := plan(func(*Plan) {})
	if !validKey(first) || first != plan(func(p *Plan) { p.Event = []byte("of another webhook") }) {
		t.Errorf("identity %q does not follow from the work alone", first)
	}
	for name, change := range map[string]func(*Plan){
		"a generation": func(p *Plan) { p.Objects[1].Generation++ },
		"a name":       func(p *Plan) { p.Objects[0].Name, p.Objects[0].Bucket = "", "bo" },
		"an encoding":  func(p *Plan) { p.Objects[0].Encoding = object.Gzip },
		"a size":       func(p *Plan) { p.Objects[0].Size++ },
		"ranges":       func(p *Plan) { p.Objects[0].RangeSize++ },
		"the mode":     func(p *Plan) { p.Mode = Summary },
		"the order":    func(p *Plan) { p.Objects[0], p.Objects[1] = p.Objects[1], p.Objects[0] },
		"an object":    func(p *Plan) { p.Objects = p.Objects[:1] },
	} {
		if plan(change) == first {
			t.Errorf("with another of %s it is the same plan", name)
		}
	}
}

// Markers of another version are read, and read this one's: a name stays.
func TestCountsAreStoredUnderTheirNames(t *testing.T) {
	t.Parallel()
	stored := map[string]string{
		"total": "1", "succeeded": "2", "failed": "3", "invalid": "4", "usage-lines": "11",
		"finish-reasons": "MAX_TOKENS=1&STOP=7&other=2", "error-codes": "%26a%3D=3&429=2&%C3%A9+=1",
		"prompt-tokens": "5", "candidates-tokens": "6", "thoughts-tokens": "7",
		"cached-tokens": "8", "tool-use-tokens": "9", "total-tokens": "10",
	}
	counts, err := countsOf(stored)
	if err != nil || counts.Total != 1 || counts.Succeeded != 2 || counts.Failed != 3 || counts.Invalid != 4 {
		t.Errorf("read %+v, %v", counts, err)
	}
	if diff := cmp.Diff(stored, metadataOf(&counts)); diff != "" {
		t.Errorf("written again (-want +got):\n%s", diff)
	}
	for _, broken := range []map[string]string{{"total": "x"}, {"error-codes": "429"}, {"error-codes": "%x=1"}} {
		if _, err := countsOf(broken); err == nil {
			t.Errorf("%v is read", broken)
		}
	}
}

// Cloud Storage takes 8 KiB of metadata, whatever names lines bring.
func TestMetadataOfMarkersFits(t *testing.T) {
	t.Parallel()
	for letter, least := range map[string]int{"x": 50, "é": 10, "\x01": 10} { // names that are left of 50
		counts := outcome.Counts{Total: math.MaxInt64, Succeeded: math.MaxInt64, Failed: math.MaxInt64, Invalid: math.MaxInt64, TokenLines: math.MaxInt64}
		for i := range counts.Tokens {
			counts.Tokens[i] = math.MaxInt64
		}
		for i := range 100 {
			line := outcome.Line{FinishReason: fmt.Sprint(i, strings.Repeat(letter, 99)), Error: &outcome.Error{Code: fmt.Sprint(strings.Repeat(letter, 20), i)}}
			var one outcome.Counts
			one.AddLine(line.Count())
			counts.FinishReasons.Add(one.FinishReasons.Sorted()[0], math.MaxInt64/100)
			counts.ErrorCodes.Add(one.ErrorCodes.Sorted()[0], math.MaxInt64/100)
		}
		metadata := metadataOf(&counts)
		size := 0
		for name, value := range metadata {
			size += len(name) + len(value)
		}
		read, err := countsOf(metadata)
		if err != nil || size > 8<<10 {
			t.Errorf("%q: metadata of %d bytes, %v", letter, size, err)
		}
		for _, names := range []outcome.Names{read.FinishReasons, read.ErrorCodes} {
			lines := int64(0)
			for _, n := range names {
				lines += n
			}
			if lines != math.MaxInt64/100*100 || len(names)-1 < least || names[outcome.Other] == 0 {
				t.Errorf("%q: %d names, %d lines", letter, len(names), lines)
			}
		}
	}
}
