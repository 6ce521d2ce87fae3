package logging_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"example.com/gemini-webhook/internal/gcp/logging"
)

// Whatever is logged, an entry has a bound, and says what it is about.
func TestEntriesAreBounded(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", 300_000)
	many := make([]any, 0, 200)
	for range 100 {
		many = append(many, long[:10], long[:4_000])
	}
	for name, test := range map[string]struct {
		log  func(*slog.Logger)
		most int
		want string // is still there
	}{
		"a value":            {func(l *slog.Logger) { l.Error("m", "error", long, "kind", "range") }, 9 << 10, `"kind":"range"`},
		"a value in a group": {func(l *slog.Logger) { l.WithGroup("g").Error("m", slog.Group("h", "error", long, "kind", "range")) }, 9 << 10, `"kind":"range"`},
		"a message":          {func(l *slog.Logger) { l.Error(long, "kind", "range") }, 9 << 10, `"kind":"range"`},
		"an error":           {func(l *slog.Logger) { l.Error("m", "error", errors.New(long)) }, 9 << 10, `"message":"m"`},
		"bytes":              {func(l *slog.Logger) { l.Error("m", "data", []byte(long)) }, 9 << 10, `"attributes_left_out":true`},
		"a key":              {func(l *slog.Logger) { l.Error("m", long, 1) }, 9 << 10, `"message":"m"`},
		"many values":        {func(l *slog.Logger) { l.Error("m", many...) }, 9 << 10, `"attributes_left_out":true`},
		"of the logger":      {func(l *slog.Logger) { l.With("error", long).Error("m", "kind", "range") }, 9 << 10, `"kind":"range"`},
		"nothing long":       {func(l *slog.Logger) { l.Error("m", "a", long[:8_192], "b", long[:8_192]) }, 17 << 10, long[:8_192] + `"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			test.log(logging.New(&out, slog.LevelInfo, project))
			all := lines(t, out.Bytes())
			if len(all) != 1 || out.Len() > test.most || all[0]["severity"] != "ERROR" {
				t.Fatalf("%d entries of %d bytes, want one of at most %d: %.200s", len(all), out.Len(), test.most, out.Bytes())
			}
			if !bytes.Contains(out.Bytes(), []byte(test.want)) {
				t.Errorf("%q is not in it: %.500s", test.want, out.Bytes())
			}
		})
	}
}
