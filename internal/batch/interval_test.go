package batch

import (
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/gemini-webhook/internal/outcome"
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
		{"an empty one leads nowhere", []Marker{m(10, 20), m(20, 20), m(20, 25)}, Interval{25, 30}},
		{"other ranges'", []Marker{m(0, 10), m(30, 40)}, Interval{10, 30}},
	} {
		if diff := cmp.Diff(test.want, gap(test.markers, Interval{10, 30})); diff != "" {
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
		count := func(i Interval) (c outcome.Counts) {
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
			next := gap(markers, r)
			pos, _ := reach(markers, r)
			if next.Start != pos || next.End < pos || next.End > r.End || next.Start == next.End && pos < r.End {
				t.Fatalf("%v: the gap is %v, the way leads to %d", markers, next, pos)
			}
			if pos == r.End {
				break
			}
			mark(next)
		}
		if pos, counts := reach(markers, r); pos != r.End || counts.Total != count(r).Total {
			t.Errorf("%v: the way leads to %d with %d lines, want %d with %d", markers, pos, counts.Total, r.End, count(r).Total)
		}
		for at, n := range done {
			if n == 0 || n > 1 && !overlap {
				t.Errorf("%v: what begins at %d is done %d times", markers, at, n)
			}
		}
	})
}

func TestReach(t *testing.T) {
	t.Parallel()
	m := func(start, end, total int64) Marker {
		return Marker{Interval{start, end}, outcome.Counts{Total: total}}
	}
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
			pos, counts := reach(test.markers, Interval{10, 20})
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
				markers = append(markers, Marker{Interval{from, to}, outcome.Counts{Total: n}})
				from = to
			}
		}
		random.Shuffle(len(markers), func(i, j int) { markers[i], markers[j] = markers[j], markers[i] })
		pos, counts := reach(markers, Interval{0, end})
		if pos != end || counts.Total != int64(len(starts)) {
			t.Fatalf("seed %d: reached %d with %d lines, want %d with %d", seed, pos, counts.Total, end, len(starts))
		}
	}
}
