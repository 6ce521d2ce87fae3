package logging

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"unicode/utf8"
)

// Cloud Logging takes entries of 256 KiB and drops larger ones. Ours are a few
// hundred bytes, and what makes them longer is of use to nobody.
const (
	maxText = 8 << 10  // of one value
	maxLine = 64 << 10 // of an entry
)

var errTooLong = errors.New("log entry too long")

// bounded is where lines go, each by one Write; it refuses those that are too
// long.
type bounded struct{ w io.Writer }

// Write implements io.Writer.
func (b bounded) Write(line []byte) (int, error) {
	if len(line) > maxLine {
		return 0, errTooLong
	}
	return b.w.Write(line)
}

// clip cuts a text to maxText bytes at a rune border, and says how long it was.
func clip(text string) string {
	if len(text) <= maxText {
		return text
	}
	n := maxText
	for n > maxText-utf8.UTFMax && !utf8.RuneStart(text[n]) {
		n--
	}
	return fmt.Sprintf("%s… (%d bytes)", text[:n], len(text))
}

// clipped cuts the texts in a value. Other kinds are bounded by the entry.
func clipped(v slog.Value) slog.Value {
	switch v = v.Resolve(); v.Kind() {
	case slog.KindString:
		if len(v.String()) > maxText {
			return slog.StringValue(clip(v.String()))
		}
	case slog.KindGroup:
		attrs := make([]slog.Attr, 0, len(v.Group()))
		for _, a := range v.Group() {
			attrs = append(attrs, slog.Attr{Key: a.Key, Value: clipped(a.Value)})
		}
		return slog.GroupValue(attrs...)
	}
	return v
}
