package console

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// hidden tells whether a character is not seen, or changes how others are seen. Line
// ends and tabs are not.
func hidden(r rune) bool { return r != '\n' && r != '\t' && r != ' ' && !unicode.IsPrint(r) }

// plain tells whether a text can be pasted as it is seen: into a terminal, too, for
// which control characters are keys, and where a tab completes.
func plain(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool { return r == '\t' || hidden(r) })
}

// ascii tells whether a text has visible ASCII characters and spaces alone.
func ascii(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' })
}

// quoteShell quotes a text without NUL for a POSIX shell: between single quotes
// nothing means anything.
func quoteShell(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// quoteGo quotes any bytes for Go.
func quoteGo(text string) string {
	if plain(text) && strconv.CanBackquote(text) && strings.ContainsAny(text, `"\`) {
		return "`" + text + "`"
	}
	return strconv.QuoteToASCII(text)
}

// quotePython quotes any bytes as a bytes literal of Python.
func quotePython(text string) string {
	var b strings.Builder
	b.WriteString(`b"`)
	for _, c := range []byte(text) {
		switch {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c == '\n':
			b.WriteString(`\n`)
		case c < ' ' || c > '~':
			fmt.Fprintf(&b, `\x%02x`, c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String() + `"`
}

// quoteScript quotes any bytes as an expression of JavaScript that fetch takes: a
// text where they are one, for it is sent as UTF-8.
func quoteScript(text string) string {
	if !utf8.ValidString(text) {
		return fmt.Sprintf(`Buffer.from(%q, "base64")`, base64.StdEncoding.EncodeToString([]byte(text)))
	}
	var b strings.Builder
	e := json.NewEncoder(&b) // JSON is JavaScript
	e.SetEscapeHTML(false)
	if err := e.Encode(text); err != nil {
		panic(err) // a string
	}
	return escapeHidden(strings.TrimSuffix(b.String(), "\n"))
}

// escapeHidden writes out what is not seen in the texts of JSON.
func escapeHidden(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case !hidden(r):
			b.WriteRune(r)
		case r > 0xFFFF:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}
