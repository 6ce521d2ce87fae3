package event

import (
	"bytes"
	"strings"
)

// minToken is the length of the shortest path token (contract, "Secrets and tokens").
const minToken = 32

// PublicPath returns the escaped path of a request as it may be queued, published
// and logged: as sent, but of a path whose first segment is "dynamic" (in any
// case, in any percent-encoding, however often encoded) without the second one,
// which is a secret (contract, "Outcomes", attribute path).
//
// When in doubt it leaves out more: a path that has "dynamic" somewhere and also
// empty or dot segments, encoded slashes or backslashes becomes "/dynamic", since
// parsers disagree about which of its segments is the second. A query is cut off.
//
// It does not judge whether the token is good.
func PublicPath(escapedPath string) string {
	if i := strings.IndexAny(escapedPath, "?#"); i >= 0 {
		escapedPath = escapedPath[:i]
	}
	if plain(escapedPath) {
		return escapedPath
	}
	segments, clean := split(unescape(escapedPath))
	if !clean {
		for _, s := range segments {
			if s.dynamic() {
				return "/dynamic"
			}
		}
		return escapedPath
	}
	if !segments[0].dynamic() {
		return escapedPath
	}
	head := escapedPath[:segments[0].end]
	if len(segments) < 3 {
		return head
	}
	token := segments[1].text
	for _, s := range segments[2:] {
		if len(token) >= minToken && bytes.Contains(s.text, token) {
			return head
		}
	}
	return head + escapedPath[segments[1].end:]
}

// plain reports whether no segment can read "dynamic", which is so of most paths.
func plain(path string) bool {
	for i := range len(path) {
		if c := path[i]; c <= ' ' || c == '%' || c == 0x7f {
			return false
		}
	}
	return !strings.Contains(strings.ToLower(path), "dynamic")
}

// LoggedPath is PublicPath for a log: what has the form of a path token is left out
// wherever it stands, for URLs are mistyped, and the log shows what was refused. Of
// what is published it is a part: there a path is one that somebody registered, and
// subscribers filter by it.
//
// The form is a run of 32 or more of a token's characters, in any percent-encoding,
// with whatever around it. A long name in a path may be taken for one.
func LoggedPath(escapedPath string) string { return redactTokens(PublicPath(escapedPath)) }

const redacted = "REDACTED"

func redactTokens(path string) string {
	var out strings.Builder
	copied, start, length := 0, 0, 0 // of path, of a run: where it begins, how many characters
	flush := func(end int) {
		if length >= minToken {
			out.WriteString(path[copied:start] + redacted)
			copied = end
		}
		length = 0
	}
	end := 0
	for _, c := range unescape(path) {
		switch {
		case !tokenByte(c.b):
			flush(end)
		case length == 0:
			start, length = end, 1
		default:
			length++
		}
		end = c.end
	}
	flush(end)
	return out.String() + path[copied:]
}

func tokenByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_'
}

// char is one decoded byte and where its source text ends. Its literal says that
// it was sent as itself.
type char struct {
	b       byte
	literal bool
	end     int
}

// unescape decodes percent-encodings until none is left, in one pass: whenever
// the last three bytes are an escape they become the byte that they stand for.
func unescape(s string) []char {
	out := make([]char, 0, len(s))
	for i := range len(s) {
		out = append(out, char{b: s[i], literal: true, end: i + 1})
		for n := len(out); n >= 3 && out[n-3].b == '%'; n = len(out) {
			hi, ok1 := unhex(out[n-2].b)
			lo, ok2 := unhex(out[n-1].b)
			if !ok1 || !ok2 {
				break
			}
			out = append(out[:n-3], char{b: hi<<4 | lo, end: i + 1})
		}
	}
	return out
}

func unhex(c byte) (byte, bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}

// segment is a decoded path segment and where its source text ends.
type segment struct {
	text []byte
	end  int
}

// dynamic reports whether the segment reads "dynamic" to any parser: in any case,
// with white space or control characters, with matrix parameters behind it.
func (s segment) dynamic() bool {
	name, _, _ := bytes.Cut(s.text, []byte{';'})
	name = bytes.Map(func(r rune) rune {
		if r <= ' ' || r == 0x7f {
			return -1
		}
		return r
	}, name)
	return bytes.EqualFold(name, []byte("dynamic"))
}

// split cuts a path at its slashes, encoded or not, and at backslashes. clean says
// that all parsers cut it this way. There is always at least one segment.
func split(path []char) (segments []segment, clean bool) {
	clean = true
	if len(path) > 0 && path[0].b == '/' && path[0].literal {
		path = path[1:]
	}
	cur := segment{end: 1}
	flush := func(last bool) {
		switch string(cur.text) {
		case ".", "..":
			clean = false
		case "":
			clean = clean && last // a slash at the end is common
		}
		segments = append(segments, cur)
	}
	for _, c := range path {
		if c.b != '/' && c.b != '\\' {
			cur.text = append(cur.text, c.b)
			cur.end = c.end
			continue
		}
		clean = clean && c.b == '/' && c.literal
		flush(false)
		cur = segment{end: c.end}
	}
	flush(true)
	return segments, clean
}
