package batch

import (
	"cmp"
	"slices"

	"example.com/gemini-webhook/internal/outcome"
)

// Interval is [Start, End) in bytes of an object: the lines whose first byte
// lies in it.
type Interval struct {
	Start int64 `json:"start"`
	End   int64 `json:"end"`
}

// Marker says that an interval's lines are published, and what they came to.
type Marker struct {
	Interval
	Counts outcome.Counts
}

// reach follows markers from r.Start as far as they lead within r, and sums
// the counts on the way. Markers may overlap where two deliveries of one task
// did: each way through them counts every line once, so any will do.
func reach(markers []Marker, r Interval) (pos int64, counts outcome.Counts) {
	sorted := slices.Clone(markers)
	slices.SortFunc(sorted, func(a, b Marker) int {
		return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(a.End, b.End))
	})
	// reached holds the last marker of one way to each offset; markers lead
	// forward, so that one pass in order of their starts finds every way.
	reached := map[int64]Marker{r.Start: {}}
	pos = r.Start
	for _, m := range sorted {
		if _, ok := reached[m.Start]; !ok || m.End <= m.Start || m.End > r.End {
			continue
		}
		reached[m.End] = m
		pos = max(pos, m.End)
	}
	for at := pos; at > r.Start; at = reached[at].Start {
		counts.Add(reached[at].Counts)
	}
	return pos, counts
}

// gap is what is to be done next of r: from where reach comes to, to where the
// next marker starts. It is empty, at r.End, when nothing is. Beside markers
// that overlap it may hold lines that are published: the way does not count
// them.
func gap(markers []Marker, r Interval) Interval {
	pos, _ := reach(markers, r)
	next := Interval{pos, r.End}
	for _, m := range markers {
		if m.Start > pos {
			next.End = min(next.End, m.Start)
		}
	}
	return next
}
