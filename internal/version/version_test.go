package version

import (
	"runtime/debug"
	"strings"
	"testing"
)

func TestCommit(t *testing.T) {
	t.Parallel()
	recorded := func(revision, modified string) *debug.BuildInfo {
		return &debug.BuildInfo{Settings: []debug.BuildSetting{
			{Key: "vcs.revision", Value: revision},
			{Key: "vcs.modified", Value: modified},
		}}
	}
	const revision = "4f2c9aa0b1d3e5f60718293a4b5c6d7e8f901234"
	tests := map[string]struct {
		set  string
		info *debug.BuildInfo
		want string
	}{
		"set by the linker":            {"abc1234-dirty", recorded(revision, "false"), "abc1234-dirty"},
		"set with what is not allowed": {" abc+1234\n", nil, "abc1234"},
		"recorded":                     {"", recorded(revision, "false"), "4f2c9aa0b1d3"},
		"recorded, with changes":       {"", recorded(revision, "true"), "4f2c9aa0b1d3-dirty"},
		"recorded without a commit":    {"", &debug.BuildInfo{}, "dev"},
		"nothing known":                {"", nil, "dev"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := commit(test.set, test.info); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestStringBeginsWithBase(t *testing.T) {
	t.Parallel()
	if got := String(); !strings.HasPrefix(got, "0.2.0+") || got == "0.2.0+" {
		t.Errorf("got %q, want 0.2.0+COMMIT", got)
	}
}
