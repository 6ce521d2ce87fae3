package outcome

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCountsOfLines(t *testing.T) {
	t.Parallel()
	var sum, tokens Counts
	for i := range tokens.Tokens {
		tokens.Tokens[i] = int64(i)
	}
	for _, l := range []Line{
		{Status: StatusSucceeded, Usage: Usage{Tokens: tokens.Tokens}},
		{Status: StatusSucceeded, Usage: Usage{Tokens: tokens.Tokens}},
		{Status: StatusFailed}, {Status: StatusInvalid},
	} {
		sum.Add(l.Count())
	}
	want := Counts{Total: 4, Succeeded: 2, Failed: 1, Invalid: 1}
	for i := range want.Tokens {
		want.Tokens[i] = 2 * int64(i)
	}
	if diff := cmp.Diff(want, sum); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestCountsDoNotOverflow(t *testing.T) {
	t.Parallel()
	for i := range TokenCounts {
		var c, large, small Counts
		large.Tokens[i], small.Tokens[i] = 1<<62+5, 1
		for _, more := range []Counts{large, large, small} {
			c.Add(more)
		}
		if c.Tokens[i] != math.MaxInt64 {
			t.Errorf("%s: got %d, want the largest number", TokenCounts[i], c.Tokens[i])
		}
	}
}
