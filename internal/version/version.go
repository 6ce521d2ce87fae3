// Package version says which build this is.
package version

import (
	"runtime/debug"
	"strings"
)

// base is the version under development or released; CHANGELOG.md has the same.
const base = "0.2.0"

// Version is the commit that the build was made from. Builds outside a git
// checkout (the buildpack's) set it with
//
//	-ldflags "-X example.com/gemini-webhook/internal/version.Version=$(git describe --always --dirty --exclude='*')"
//
// Nothing else sets it; read String instead.
var Version string

// String returns base and the commit, as "0.2.0+4f2c9aa0b1d3": what was set by
// the linker, else what the go tool recorded, else "dev".
func String() string {
	info, _ := debug.ReadBuildInfo()
	return base + "+" + commit(Version, info)
}

func commit(set string, info *debug.BuildInfo) string {
	if set = strings.Map(identifier, set); set != "" {
		return set
	}
	if info == nil {
		return "dev"
	}
	settings := map[string]string{}
	for _, setting := range info.Settings {
		settings[setting.Key] = setting.Value
	}
	revision := settings["vcs.revision"]
	if revision == "" {
		return "dev"
	}
	revision = revision[:min(len(revision), 12)]
	if settings["vcs.modified"] == "true" {
		revision += "-dirty"
	}
	return revision
}

// identifier keeps what Semantic Versioning allows behind the "+".
func identifier(r rune) rune {
	switch {
	case r >= '0' && r <= '9', r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r == '-', r == '.':
		return r
	}
	return -1
}
