package progress

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/gemini-webhook/internal/object"
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

// sized is an object in ranges; 0: in one.
func sized(size, rangeSize int64) Object { return Object{object.Object{Size: size}, rangeSize} }

func TestRangeSize(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ size, chunk, want int64 }{
		{0, 8, 8},
		{100, 8, 8},
		{100, 1, 1},
		{1000, 1, 1},
		{1001, 1, 2},          // at most 1000 ranges
		{2 << 30, 1, 2147484}, // rounded up
		{5, 0, 1},
	} {
		got := RangeSize(test.size, test.chunk)
		if got != test.want {
			t.Errorf("RangeSize(%d, %d) = %d, want %d", test.size, test.chunk, got, test.want)
		}
		if n := len(sized(test.size, got).Ranges()); n > maxRanges {
			t.Errorf("size %d in ranges of %d: %d ranges", test.size, got, n)
		}
	}
}

func TestRangesCoverTheObject(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		o    Object
		want []Interval
	}{
		{"empty", sized(0, 8), []Interval{}},
		{"one", sized(8, 8), []Interval{{0, 8}}},
		{"a rest", sized(9, 4), []Interval{{0, 4}, {4, 8}, {8, 9}}},
		{"of unknown length", sized(9, 0), []Interval{{0, ToEnd}}},
	} {
		if diff := cmp.Diff(test.want, test.o.Ranges()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

func TestReach(t *testing.T) {
	t.Parallel()
	m := func(start, end, total int64) Marker { return Marker{Interval{start, end}, Counts{Total: total}} }
	for _, test := range []struct {
		name    string
		markers []Marker
		pos     int64
		total   int64
	}{
		{"nothing done", nil, 10, 0},
		{"all at once", []Marker{m(10, 20, 5)}, 20, 5},
		{"handed on once", []Marker{m(14, 20, 3), m(10, 14, 2)}, 20, 5},
		{"a gap", []Marker{m(10, 14, 2), m(15, 20, 3)}, 14, 2},
		{"two deliveries that overlap: both finished", []Marker{m(10, 14, 2), m(14, 20, 3), m(10, 20, 5)}, 20, 5},
		{"the longer first step leads nowhere", []Marker{m(10, 18, 4), m(10, 14, 2), m(14, 20, 3)}, 20, 5},
		{"another range's", []Marker{m(0, 10, 9), m(20, 30, 9)}, 10, 0},
		{"reaching beyond the range", []Marker{m(10, 25, 9)}, 10, 0},
		{"empty and backward ones lead nowhere", []Marker{m(10, 10, 9), m(10, 5, 9)}, 10, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			pos, counts := Reach(test.markers, Interval{10, 20})
			if pos != test.pos || counts.Total != test.total {
				t.Errorf("got %d with %d lines, want %d with %d", pos, counts.Total, test.pos, test.total)
			}
		})
	}
}

// Whatever way a range was worked on, by however many deliveries at once, a
// cover counts every line once.
func TestReachCountsEveryLineOnce(t *testing.T) {
	t.Parallel()
	const end = 100
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 0))
		var starts []int64 // of lines
		for at := int64(0); at < end; at += 1 + random.Int64N(9) {
			starts = append(starts, at)
		}
		var markers []Marker
		for range 1 + random.IntN(4) { // deliveries of the same task
			from := int64(0)
			for from < end {
				to := int64(end)
				if random.IntN(3) > 0 {
					to = starts[random.IntN(len(starts))]
				}
				if to <= from {
					to = end
				}
				var n int64
				for _, s := range starts {
					if s >= from && s < to {
						n++
					}
				}
				markers = append(markers, Marker{Interval{from, to}, Counts{Total: n}})
				from = to
			}
		}
		random.Shuffle(len(markers), func(i, j int) { markers[i], markers[j] = markers[j], markers[i] })
		pos, counts := Reach(markers, Interval{0, end})
		if pos != end || counts.Total != int64(len(starts)) {
			t.Fatalf("seed %d: reached %d with %d lines, want %d with %d", seed, pos, counts.Total, end, len(starts))
		}
	}
}

func TestCountsDoNotOverflow(t *testing.T) {
	t.Parallel()
	c := Counts{TotalTokens: 1 << 62}
	c.Add(Counts{TotalTokens: 1<<62 + 5})
	c.Add(Counts{TotalTokens: 1})
	if c.TotalTokens != 1<<63-1 {
		t.Errorf("got %d, want the largest number", c.TotalTokens)
	}
}

func TestPlanIsTheFirstOne(t *testing.T) {
	t.Parallel()
	s := New(&memory{})
	if _, err := s.Plan(t.Context(), "k"); !errors.Is(err, ErrNotFound) {
		t.Fatalf("no plan yet: got %v, want ErrNotFound", err)
	}
	first := &Plan{URI: "gs://b/o", Mode: Lines, Event: []byte("e\xff"), Objects: []Object{{object.Object{Bucket: "b", Name: "o", Generation: 7, Size: 10}, 4}}}
	if _, err := s.Create(t.Context(), "k", first); err != nil {
		t.Fatal(err)
	}
	got, err := s.Create(t.Context(), "k", &Plan{URI: "gs://b/o", Mode: Summary, Objects: []Object{{object.Object{Bucket: "b", Name: "o", Generation: 8, Size: 11}, 5}}})
	if err != nil {
		t.Fatal(err)
	}
	want := *first
	want.Format = planFormat
	if diff := cmp.Diff(&want, got); diff != "" {
		t.Errorf("the loser of the race must use the winner's plan (-want +got):\n%s", diff)
	}
}

func TestMarkersAreReadBack(t *testing.T) {
	t.Parallel()
	s := New(&memory{})
	counts := Counts{Total: 4, Succeeded: 3, Failed: 1, PromptTokens: 10, TotalTokens: 12}
	for _, m := range []struct {
		key    string
		object int
		r      Interval
	}{
		{"k", 0, Interval{0, 4}},
		{"k", 0, Interval{4, 10}},
		{"k", 1, Interval{0, ToEnd}},
		{"other", 0, Interval{0, 4}},
		{"k", 0, Interval{0, 4}}, // again: as good
	} {
		if err := s.Mark(t.Context(), m.key, m.object, m.r, counts); err != nil {
			t.Fatal(err)
		}
	}
	want := map[int][]Marker{
		0: {{Interval{0, 4}, counts}, {Interval{4, 10}, counts}},
		1: {{Interval{0, ToEnd}, counts}},
	}
	for _, completed := range []bool{false, true} {
		all, got, err := s.Done(t.Context(), "k")
		if err != nil || got != completed {
			t.Fatalf("completed %v, %v, want %v", got, err, completed)
		}
		if diff := cmp.Diff(want, all); diff != "" {
			t.Errorf("Done (-want +got):\n%s", diff)
		}
		for _, flag := range []string{Queued, Completed} {
			if err := s.Flag(t.Context(), "k", flag); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, test := range []struct {
		object int
		r      Interval
		want   []Marker
	}{
		{1, Interval{0, ToEnd}, want[1]},
		{0, Interval{0, 10}, want[0]},
		{0, Interval{4, 10}, want[0][1:]},
		{0, Interval{0, 4}, want[0][:1]},
		{0, Interval{5, 10}, nil},
	} {
		got, err := s.Markers(t.Context(), "k", test.object, test.r)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("Markers of %d %v (-want +got):\n%s", test.object, test.r, diff)
		}
	}
}

func TestProgressOfAPlan(t *testing.T) {
	t.Parallel()
	p := &Plan{Objects: []Object{
		sized(10, 4),
		sized(5, 0),
		sized(0, 4),
	}}
	c := Counts{Total: 1}
	some := map[int][]Marker{
		0: {{Interval{0, 4}, c}, {Interval{4, 6}, c}, {Interval{8, 10}, c}},
		1: {{Interval{0, 3}, c}},
	}
	if diff := cmp.Diff(Progress{Done: 2, Missing: 2, Counts: Counts{Total: 2}, Bytes: 15}, p.Progress(some)); diff != "" {
		t.Errorf("half done (-want +got):\n%s", diff)
	}
	some[0] = append(some[0], Marker{Interval{6, 8}, c})
	some[1] = append(some[1], Marker{Interval{3, ToEnd}, c})
	got := p.Progress(some)
	if diff := cmp.Diff(Progress{Done: 4, Counts: Counts{Total: 6}, Bytes: 15}, got); diff != "" || !got.Complete() {
		t.Errorf("all done (-want +got):\n%s", diff)
	}
}

// After goes through all ranges, from wherever in one it starts.
func TestAfter(t *testing.T) {
	t.Parallel()
	p := &Plan{Objects: []Object{
		sized(10, 4), sized(0, 0), sized(0, 4), sized(4, 4),
	}}
	type place struct {
		object int
		r      Interval
	}
	at := place{0, Interval{3, 4}} // what was handed on of the first
	var got []place
	for range 6 {
		at.object, at.r = p.After(at.object, at.r)
		got = append(got, at)
	}
	want := []place{
		{0, Interval{4, 8}}, {0, Interval{8, 10}}, {1, Interval{0, ToEnd}}, {3, Interval{0, 4}}, {0, Interval{0, 4}}, {0, Interval{4, 8}},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(place{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	alone := &Plan{Objects: []Object{sized(4, 4)}}
	if object, r := alone.After(0, Interval{0, 4}); object != 0 || r != (Interval{0, 4}) {
		t.Errorf("the only range is followed by %d %v, want itself", object, r)
	}
}

func TestAtMost(t *testing.T) {
	t.Parallel()
	p := Plan{Objects: []Object{sized(10, 3), sized(0, 3), sized(100, 0)}}
	ranges := 0
	for _, o := range p.Objects {
		ranges += len(o.Ranges())
	}
	if ranges != 5 || !p.AtMost(5) || p.AtMost(4) {
		t.Errorf("%d ranges; at most 5: %v, at most 4: %v", ranges, p.AtMost(5), p.AtMost(4))
	}
}

func TestClaim(t *testing.T) {
	t.Parallel()
	s := New(&memory{})
	start := time.Date(2026, 1, 22, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		owner string
		after time.Duration
		want  bool
	}{
		{"a", 0, true}, {"b", 0, false}, {"a", time.Minute, true}, {"b", 10 * time.Minute, false}, {"b", 11 * time.Minute, true}, {"a", 11 * time.Minute, true},
	} {
		got, err := s.Claim(t.Context(), "k", c.owner, start.Add(c.after), 10*time.Minute)
		if err != nil || got != c.want {
			t.Errorf("%s after %v: %v, %v, want %v", c.owner, c.after, got, err, c.want)
		}
	}
}

func TestTasks(t *testing.T) {
	t.Parallel()
	task := Task{Format: planFormat, Key: "abc", Object: 3, Range: Interval{5, ToEnd}, Event: []byte("e")}
	got, err := DecodeTask(task.Encode())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(task, got); diff != "" {
		t.Errorf("round trip (-want +got):\n%s", diff)
	}
	large := task
	large.Event = make([]byte, maxTaskEvent+1)
	if got, err = DecodeTask(large.Encode()); err != nil || got.Event != nil {
		t.Errorf("a large event must be left out: %d bytes, %v", len(got.Event), err)
	}
	for name, data := range map[string]string{
		"not JSON":          `x`,
		"no format":         `{"key":"abc","range":{"start":0,"end":1}}`,
		"a later format":    `{"format":2,"key":"abc","range":{"start":0,"end":1}}`,
		"an empty range":    `{"format":1,"key":"abc","range":{"start":1,"end":1}}`,
		"a negative start":  `{"format":1,"key":"abc","range":{"start":-1,"end":1}}`,
		"a negative object": `{"format":1,"key":"abc","object":-1,"range":{"start":0,"end":1}}`,
		"another folder":    `{"format":1,"key":"../x","range":{"start":0,"end":1}}`,
		"no key":            `{"format":1,"range":{"start":0,"end":1}}`,
	} {
		if _, err := DecodeTask([]byte(data)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestFlags(t *testing.T) {
	t.Parallel()
	s := New(&memory{})
	for range 2 {
		if err := s.Flag(t.Context(), "k", Queued); err != nil {
			t.Fatal(err)
		}
	}
	for flag, want := range map[string]bool{Queued: true, Completed: false} {
		got, err := s.Flagged(t.Context(), "k", flag)
		if err != nil || got != want {
			t.Errorf("Flagged(%s) = %v, %v, want %v", flag, got, err, want)
		}
	}
}

func FuzzDecodeTask(f *testing.F) {
	f.Add([]byte(`{"format":1,"key":"abc","object":3,"range":{"start":5,"end":9},"event":"ZQ=="}`))
	f.Add([]byte(`{"format":1,"key":"a/b","range":{"start":0,"end":1}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		task, err := DecodeTask(data)
		if err != nil {
			return
		}
		if !validKey(task.Key) || task.Object < 0 || task.Range.Start < 0 || task.Range.Start >= task.Range.End {
			t.Fatalf("accepted %+v", task)
		}
	})
}
