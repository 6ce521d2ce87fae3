package console

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"example.com/gemini-webhook/internal/devserver"
)

// comparison is what differs between a delivery and the one that it repeats.
type comparison struct {
	Then  int64
	Rows  []difference
	Lines []diffLine // of the bodies
	Same  bool       // the bodies are the same bytes
	Space bool       // they differ in white space alone
	Long  bool       // they are too long to be compared by lines
}

// difference is one thing about both.
type difference struct {
	Name, Then, Now string
	Same            bool
}

// compare compares two deliveries.
func compare(then, now devserver.Detail) *comparison {
	c := &comparison{Then: then.Seq}
	c.add("answer", strconv.Itoa(then.Status)+" "+then.Code, strconv.Itoa(now.Status)+" "+now.Code)
	c.add("path", then.Path, now.Path)
	names := []string{}
	for name := range then.Request.Header {
		names = append(names, name)
	}
	for name := range now.Request.Header {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		a, b := strings.Join(then.Request.Header[name], "\n"), strings.Join(now.Request.Header[name], "\n")
		if a != b || strings.HasPrefix(name, "Webhook-") {
			c.add(strings.ToLower(name), a, b)
		}
	}
	a, b := linesOf(then.Request.Body), linesOf(now.Request.Body)
	switch {
	case bytes.Equal(then.Request.Body, now.Request.Body):
		c.Same = true
	case slices.Equal(a, b):
		c.Space = true
	default:
		c.Lines, c.Long = diff(a, b)
	}
	return c
}

func (c *comparison) add(name, then, now string) {
	c.Rows = append(c.Rows, difference{name, clip(then, 300), clip(now, 300), then == now})
}

func linesOf(body []byte) []string {
	text, ok := indent(body)
	if !ok {
		text = string(body)
	}
	return strings.Split(text, "\n")
}

// diffLine is a line of a comparison: in both (" "), only then ("-"), only now ("+").
type diffLine struct{ Sign, Text string }

// maxDiffLines of each side, behind what both begin and end with.
const maxDiffLines = 400

// around is how many lines that are in both stand around what differs.
const around = 3

// diff compares lines: the fewest that have to go and come.
func diff(a, b []string) (lines []diffLine, long bool) {
	start := 0
	for start < min(len(a), len(b)) && a[start] == b[start] {
		start++
	}
	end := 0
	for end < min(len(a), len(b))-start && a[len(a)-1-end] == b[len(b)-1-end] {
		end++
	}
	inA, inB := a[start:len(a)-end], b[start:len(b)-end]
	if len(inA) > maxDiffLines || len(inB) > maxDiffLines {
		return nil, true
	}
	for _, line := range a[max(0, start-around):start] {
		lines = append(lines, diffLine{" ", line})
	}
	lines = append(lines, script(inA, inB)...)
	for _, line := range a[len(a)-end : min(len(a), len(a)-end+around)] {
		lines = append(lines, diffLine{" ", line})
	}
	return lines, false
}

// script makes b of a, by their longest common subsequence.
func script(a, b []string) (lines []diffLine) {
	common := make([][]int, len(a)+1) // of a[i:] and b[j:]
	for i := range common {
		common[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				common[i][j] = common[i+1][j+1] + 1
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	for len(a) > 0 || len(b) > 0 {
		i, j := len(common)-1-len(a), len(common[0])-1-len(b)
		switch {
		case len(a) > 0 && len(b) > 0 && a[0] == b[0]:
			lines, a, b = append(lines, diffLine{" ", a[0]}), a[1:], b[1:]
		case len(b) == 0 || len(a) > 0 && common[i+1][j] >= common[i][j+1]:
			lines, a = append(lines, diffLine{"-", a[0]}), a[1:]
		default:
			lines, b = append(lines, diffLine{"+", b[0]}), b[1:]
		}
	}
	return lines
}
