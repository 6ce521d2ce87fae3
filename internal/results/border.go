package results

import (
	"strings"
	"unicode/utf8"
)

// maxUnit is the longest that a cut must not divide, two escapes.
const maxUnit = len(`\ud83d\ude00`)

// border is where a string of more than most bytes may be cut: up to there, and
// not inside of a rune, an escape or a surrogate pair.
func border(content []byte, most int) int {
	for i := 0; ; {
		n := unit(content[i:])
		if i+n > most {
			return i
		}
		i += n
	}
}

// unit is how long what a string begins with is; of what is not all there, more
// than there is.
func unit(b []byte) int {
	switch {
	case b[0] < utf8.RuneSelf && b[0] != '\\':
		return 1
	case b[0] != '\\':
		if !utf8.FullRune(b) {
			return utf8.UTFMax
		}
		_, n := utf8.DecodeRune(b)
		return n
	case len(b) > 1 && b[1] != 'u':
		return 2
	case len(b) < 6:
		return 6
	case !isHalf(b, "89ab"):
		return 6
	case len(b) < maxUnit || b[6] == '\\' && isHalf(b[6:], "cdef"):
		return maxUnit
	}
	return 6
}

// isHalf reports whether an escape of six bytes is a half of a surrogate pair: the
// first or the second, by its second digit.
func isHalf(escape []byte, digits string) bool {
	return escape[1] == 'u' && escape[2]|0x20 == 'd' && strings.IndexByte(digits, escape[3]|0x20) >= 0
}
