package progress

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestGap(t *testing.T) {
	t.Parallel()
	m := func(start, end int64) Marker { return Marker{Interval: Interval{start, end}} }
	for _, test := range []struct {
		name    string
		markers []Marker
		want    Interval
	}{
		{"nothing done", nil, Interval{10, 30}},
		{"all done", []Marker{m(10, 30)}, Interval{30, 30}},
		{"a refusal in the middle", []Marker{m(20, 30), m(10, 15)}, Interval{15, 20}},
		{"two refusals", []Marker{m(12, 15), m(20, 30)}, Interval{10, 12}},
		{"the end", []Marker{m(10, 12), m(12, 20)}, Interval{20, 30}},
		{"overlapping: the way goes behind the second's start", []Marker{m(10, 20), m(15, 25)}, Interval{20, 30}},
		{"overlapping: the next one starts behind the way", []Marker{m(10, 15), m(10, 20), m(18, 22), m(25, 30)}, Interval{20, 25}},
		{"other ranges'", []Marker{m(0, 10), m(30, 40)}, Interval{10, 30}},
	} {
		if diff := cmp.Diff(test.want, Gap(test.markers, Interval{10, 30})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

// Whatever markers are there, working on one gap after the other leads to the
// end, on a way that counts every line once; where none overlap nothing is
// done twice.
func FuzzGap(f *testing.F) {
	f.Add([]byte{}, uint64(0b1001_0001))
	f.Add([]byte{0, 10, 20, 30}, ^uint64(0))
	f.Add([]byte{0, 10, 5, 20}, uint64(0b1_0000_0000_1000_0100_0001))
	f.Add([]byte{0, 10, 0, 20, 15, 63, 40, 30, 7, 7}, ^uint64(0))
	f.Fuzz(func(t *testing.T, bounds []byte, lines uint64) {
		r := Interval{0, 64}
		count := func(i Interval) (c Counts) {
			for at := i.Start; at < i.End; at++ {
				c.Total += int64(lines >> at & 1)
			}
			return c
		}
		var markers []Marker
		var done [64]int // how often the line that begins here is published
		mark := func(i Interval) {
			markers = append(markers, Marker{i, count(i)})
			for at := i.Start; at < i.End; at++ {
				done[at]++
			}
		}
		overlap := false
		for ; len(bounds) >= 2 && len(markers) < 20; bounds = bounds[2:] {
			mark(Interval{int64(bounds[0] % 64), int64(bounds[1] % 65)})
		}
		for _, n := range done {
			overlap = overlap || n > 1
		}
		for range 64 {
			gap := Gap(markers, r)
			pos, _ := Reach(markers, r)
			if gap.Start != pos || gap.End < pos || gap.End > r.End || gap.Start == gap.End && pos < r.End {
				t.Fatalf("%v: the gap is %v, the way leads to %d", markers, gap, pos)
			}
			if pos == r.End {
				break
			}
			mark(gap)
		}
		if pos, counts := Reach(markers, r); pos != r.End || counts != count(r) {
			t.Errorf("%v: the way leads to %d with %d lines, want %d with %d", markers, pos, counts.Total, r.End, count(r).Total)
		}
		for at, n := range done {
			if n == 0 || n > 1 && !overlap {
				t.Errorf("%v: what begins at %d is done %d times", markers, at, n)
			}
		}
	})
}
