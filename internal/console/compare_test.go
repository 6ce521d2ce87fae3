package console

import (
	"strings"
	"testing"
)

func TestDiff(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ a, b, want string }{
		"changed": {"a b c d e f", "a b c X e f", " a b c-d+X e f"},
		"moved":   {"1 2 3", "2 3 1", "-1 2 3+1"},
		"added":   {"1 9", "1 2 3 9", " 1+2+3 9"},
		"gone":    {"1 2 3 9", "1 9", " 1-2-3 9"},
		"all":     {"1", "2", "-1+2"},
	} {
		lines, _ := diff(strings.Split(c.a, " "), strings.Split(c.b, " "))
		got := ""
		for _, l := range lines {
			got += l.Sign + l.Text
		}
		if got != c.want {
			t.Errorf("%s: %q", name, got)
		}
	}
	if _, long := diff(make([]string, 1), strings.Split(strings.Repeat("x ", maxDiffLines+2), " ")); !long {
		t.Error("long bodies are compared")
	}
}

func TestBodiesThatDifferInSpaceAlone(t *testing.T) {
	t.Parallel()
	then, now := sample(), sample()
	now.Request.Body = append(now.Request.Body, '\n')
	if c := compare(then, now); c.Same || !c.Space || c.Lines != nil {
		t.Errorf("%+v", c)
	}
	if c := compare(then, then); !c.Same || c.Space {
		t.Errorf("%+v", c)
	}
}
