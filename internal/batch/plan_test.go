package batch

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/gemini-webhook/internal/object"
	"example.com/gemini-webhook/internal/outcome"
)

// sized is an object in ranges; 0: in one.
func sized(size, rangeSize int64) Planned { return Planned{object.Object{Size: size}, rangeSize} }

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
		got := rangeSize(test.size, test.chunk)
		if got != test.want {
			t.Errorf("RangeSize(%d, %d) = %d, want %d", test.size, test.chunk, got, test.want)
		}
		if n := len(sized(test.size, got).ranges()); n > maxRanges {
			t.Errorf("size %d in ranges of %d: %d ranges", test.size, got, n)
		}
	}
}

func TestRangesCoverTheObject(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		o    Planned
		want []Interval
	}{
		{"empty", sized(0, 8), []Interval{}},
		{"one", sized(8, 8), []Interval{{0, 8}}},
		{"a rest", sized(9, 4), []Interval{{0, 4}, {4, 8}, {8, 9}}},
		{"of unknown length", sized(9, 0), []Interval{{0, toEnd}}},
	} {
		if diff := cmp.Diff(test.want, test.o.ranges()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

func TestProgressOfAPlan(t *testing.T) {
	t.Parallel()
	p := &Plan{Objects: []Planned{
		sized(10, 4),
		sized(5, 0),
		sized(0, 4),
	}}
	c := outcome.Counts{Total: 1}
	some := map[int][]Marker{
		0: {{Interval{0, 4}, c}, {Interval{4, 6}, c}, {Interval{8, 10}, c}},
		1: {{Interval{0, 3}, c}},
	}
	if diff := cmp.Diff(progress{done: 2, missing: 2, counts: outcome.Counts{Total: 2}, bytes: 15}, p.progress(some), cmp.AllowUnexported(progress{})); diff != "" {
		t.Errorf("half done (-want +got):\n%s", diff)
	}
	some[0] = append(some[0], Marker{Interval{6, 8}, c})
	some[1] = append(some[1], Marker{Interval{3, toEnd}, c})
	got := p.progress(some)
	if diff := cmp.Diff(progress{done: 4, counts: outcome.Counts{Total: 6}, bytes: 15}, got, cmp.AllowUnexported(progress{})); diff != "" {
		t.Errorf("all done (-want +got):\n%s", diff)
	}
}

// After goes through all ranges, from wherever in one it starts.
func TestAfter(t *testing.T) {
	t.Parallel()
	p := &Plan{Objects: []Planned{
		sized(10, 4), sized(0, 0), sized(0, 4), sized(4, 4),
	}}
	type place struct {
		object int
		r      Interval
	}
	at := place{0, Interval{3, 4}} // what was handed on of the first
	var got []place
	for range 6 {
		at.object, at.r = p.after(at.object, at.r)
		got = append(got, at)
	}
	want := []place{
		{0, Interval{4, 8}}, {0, Interval{8, 10}}, {1, Interval{0, toEnd}}, {3, Interval{0, 4}}, {0, Interval{0, 4}}, {0, Interval{4, 8}},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(place{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	alone := &Plan{Objects: []Planned{sized(4, 4)}}
	if object, r := alone.after(0, Interval{3, 4}); object != 0 || r != (Interval{0, 4}) {
		t.Errorf("what is left of the only range is followed by %d %v, want all of it", object, r)
	}
}

func TestAtMost(t *testing.T) {
	t.Parallel()
	p := Plan{Objects: []Planned{sized(10, 3), sized(0, 3), sized(100, 0)}}
	ranges := 0
	for _, o := range p.Objects {
		ranges += len(o.ranges())
	}
	if ranges != 5 || !p.atMost(5) || p.atMost(4) {
		t.Errorf("%d ranges; at most 5: %v, at most 4: %v", ranges, p.atMost(5), p.atMost(4))
	}
}
