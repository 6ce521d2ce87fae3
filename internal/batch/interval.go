package batch

import (
	"cmp"
	"math"
	"slices"
	"strconv"
)

// Interval is [Start, End) in bytes of an object: the lines whose first byte
// lies in it.
type Interval struct {
	Start int64 `json:"start"`
	End   int64 `json:"end"`
}

// Counts are what the lines of an interval came to.
type Counts struct {
	Total, Succeeded, Failed, Invalid                           int64
	PromptTokens, CandidatesTokens, ThoughtsTokens, TotalTokens int64
}

// fields pairs each count with its name in a marker's metadata.
func (c *Counts) fields() []struct {
	name  string
	value *int64
} {
	return []struct {
		name  string
		value *int64
	}{
		{"total", &c.Total},
		{"succeeded", &c.Succeeded},
		{"failed", &c.Failed},
		{"invalid", &c.Invalid},
		{"prompt-tokens", &c.PromptTokens},
		{"candidates-tokens", &c.CandidatesTokens},
		{"thoughts-tokens", &c.ThoughtsTokens},
		{"total-tokens", &c.TotalTokens},
	}
}

// Add adds o's counts to c's. Token counts are whatever the lines say: a sum
// stays at the largest number rather than overflow.
func (c *Counts) Add(o Counts) {
	theirs := o.fields()
	for i, f := range c.fields() {
		*f.value += min(*theirs[i].value, math.MaxInt64-*f.value)
	}
}

func (c Counts) metadata() map[string]string {
	m := make(map[string]string, 8)
	for _, f := range c.fields() {
		if *f.value != 0 {
			m[f.name] = strconv.FormatInt(*f.value, 10)
		}
	}
	return m
}

func countsOf(metadata map[string]string) (Counts, error) {
	var c Counts
	for _, f := range c.fields() {
		text, ok := metadata[f.name]
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return Counts{}, err
		}
		*f.value = n
	}
	return c, nil
}

// Marker says that an interval's lines are published, and what they came to.
type Marker struct {
	Interval
	Counts Counts
}

// reach follows markers from r.Start as far as they lead within r, and sums
// the counts on the way. Markers may overlap where two deliveries of one task
// did: each way through them counts every line once, so any will do.
func reach(markers []Marker, r Interval) (pos int64, counts Counts) {
	sorted := slices.Clone(markers)
	slices.SortFunc(sorted, func(a, b Marker) int {
		return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(a.End, b.End))
	})
	// reached holds the sum on one way to each offset; markers lead forward,
	// so that one pass in order of their starts finds every way.
	reached := map[int64]Counts{r.Start: {}}
	pos = r.Start
	for _, m := range sorted {
		sum, ok := reached[m.Start]
		if !ok || m.End <= m.Start || m.End > r.End {
			continue
		}
		sum.Add(m.Counts)
		reached[m.End] = sum
		pos = max(pos, m.End)
	}
	return pos, reached[pos]
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
