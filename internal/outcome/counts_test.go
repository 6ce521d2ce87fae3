package outcome

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCountsOfLines(t *testing.T) {
	t.Parallel()
	failed := func(code string) Line { return Line{Status: StatusFailed, Error: &Error{Code: code}} }
	tokens := func(named map[string]int64) Line {
		return Line{Status: StatusSucceeded, FinishReason: "STOP", Usage: usage(named)}
	}
	long := strings.Repeat("x", 47) + "é"
	for _, test := range []struct {
		name  string
		lines []Line
		want  Counts
	}{
		{"none", nil, Counts{}},
		{"statuses", []Line{{Status: StatusSucceeded}, {Status: StatusSucceeded}, {Status: StatusFailed}, {Status: StatusInvalid}},
			Counts{Total: 4, Succeeded: 2, Failed: 1, Invalid: 1}},
		{"finish reasons and error codes", []Line{
			{Status: StatusSucceeded, FinishReason: "STOP"}, {Status: StatusSucceeded, FinishReason: "STOP"},
			{Status: StatusFailed, FinishReason: "SAFETY", Error: &Error{Code: "no_content"}}, failed("429"), failed("429"),
			{Status: StatusInvalid, Error: &Error{Code: "not_json"}},
		}, Counts{Total: 6, Succeeded: 2, Failed: 3, Invalid: 1,
			FinishReasons: Names{"STOP": 2, "SAFETY": 1}, ErrorCodes: Names{"no_content": 1, "429": 2, "not_json": 1}}},
		{"an error without a code is not counted by it", []Line{failed("")}, Counts{Total: 1, Failed: 1}},
		{"a long name loses its end", []Line{failed(long), failed(long + "y")}, Counts{Total: 2, Failed: 2, ErrorCodes: Names{long[:47]: 2}}},
		{"tokens", []Line{
			tokens(map[string]int64{"prompt_tokens": 1, "candidates_tokens": 2, "cached_tokens": 1, "total_tokens": 3}),
			tokens(map[string]int64{"prompt_tokens": 10, "thoughts_tokens": 20, "total_tokens": 7}),
		}, Counts{Total: 2, Succeeded: 2, TokenLines: 2, Tokens: Tokens{11, 2, 20, 1, 0, 10}, FinishReasons: Names{"STOP": 2}}},
		{"without a total it is the sum of the parts, of which cached tokens are none", []Line{
			tokens(map[string]int64{"prompt_tokens": 1, "candidates_tokens": 2, "thoughts_tokens": 4, "cached_tokens": 8, "tool_use_tokens": 16}),
		}, Counts{Total: 1, Succeeded: 1, TokenLines: 1, Tokens: Tokens{1, 2, 4, 8, 16, 23}, FinishReasons: Names{"STOP": 1}}},
		{"a total of 0 is one", []Line{tokens(map[string]int64{"prompt_tokens": 1, "total_tokens": 0})},
			Counts{Total: 1, Succeeded: 1, TokenLines: 1, Tokens: Tokens{1}, FinishReasons: Names{"STOP": 1}}},
		{"lines without usage are none of those that have any", []Line{tokens(nil), tokens(map[string]int64{"cached_tokens": 0})},
			Counts{Total: 2, Succeeded: 2, TokenLines: 1, FinishReasons: Names{"STOP": 2}}},
		{"a sum of parts does not overflow", []Line{tokens(map[string]int64{"prompt_tokens": math.MaxInt64, "candidates_tokens": 1})},
			Counts{Total: 1, Succeeded: 1, TokenLines: 1, Tokens: Tokens{math.MaxInt64, 1, 5: math.MaxInt64}, FinishReasons: Names{"STOP": 1}}},
	} {
		var one, parts Counts
		for _, l := range test.lines {
			one.AddLine(l.Count())
			var part Counts
			part.AddLine(l.Count())
			parts.Add(part)
		}
		if diff := cmp.Diff(test.want, one); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
		if diff := cmp.Diff(test.want, parts); diff != "" {
			t.Errorf("%s, each for itself (-want +got):\n%s", test.name, diff)
		}
	}
	if TokenCounts[cachedTokens] != "cached_tokens" || TokenCounts[totalTokens] != "total_tokens" {
		t.Error("other counts are at these indices")
	}
}

// At most 50 names and other, in whichever order they come, and no line is lost.
func TestManyNames(t *testing.T) {
	t.Parallel()
	var sum Counts
	for part := range 3 {
		var c Counts
		for i := range 40 {
			l := Line{Status: StatusFailed, Error: &Error{Code: fmt.Sprint(part*30 + i)}} // a quarter of them is in two parts
			c.AddLine(l.Count())
		}
		if part == 0 {
			c.ErrorCodes.Add(Other, 5) // that is a line's own
		}
		sum.Add(c)
	}
	lines := int64(0)
	for _, n := range sum.ErrorCodes {
		lines += n
	}
	if others := sum.ErrorCodes[Other]; len(sum.ErrorCodes) != 51 || lines != 125 || others != 65 {
		t.Errorf("%d names, %d lines, %d of them others, want 51, 125, 65", len(sum.ErrorCodes), lines, others)
	}
}

// What is added is not changed by what comes after it.
func TestAddedCountsStayAsTheyAre(t *testing.T) {
	t.Parallel()
	part := Counts{FinishReasons: Names{"STOP": 1}}
	var sum Counts
	sum.Add(part)
	sum.Add(part)
	if part.FinishReasons["STOP"] != 1 || sum.FinishReasons["STOP"] != 2 {
		t.Errorf("part %v, sum %v", part.FinishReasons, sum.FinishReasons)
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
