package outcome

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Counts are what lines came to. A copy of it shares its maps.
type Counts struct {
	Total, Succeeded, Failed, Invalid int64
	Tokens                            Tokens
	TokenLines                        int64 // lines that have any usage
	FinishReasons, ErrorCodes         Names
}

// Counted is what one line adds to Counts. It is small, and keeps nothing of the line
// itself: thousands wait until their lines are acknowledged.
type Counted struct {
	tokens                                       Tokens
	reason, code                                 string
	total, succeeded, failed, invalid, hasTokens uint8 // 0 or 1
}

// Count is what the line adds to Counts.
func (l *Line) Count() Counted {
	c := Counted{total: 1, tokens: l.Usage.Tokens, reason: nameOf(l.FinishReason)}
	switch l.Status {
	case StatusSucceeded:
		c.succeeded = 1
	case StatusFailed:
		c.failed = 1
	default:
		c.invalid = 1
	}
	if l.Error != nil {
		c.code = nameOf(l.Error.Code)
	}
	if l.Usage.Has != (Usage{}).Has {
		c.hasTokens = 1
	}
	if !l.Usage.Has[totalTokens] {
		for i, n := range c.tokens[:totalTokens] {
			if i != cachedTokens {
				c.tokens[totalTokens] = sum(c.tokens[totalTokens], n)
			}
		}
	}
	return c
}

// AddLine adds a line to c.
func (c *Counts) AddLine(l Counted) {
	c.addNumbers(&Counts{
		Total: int64(l.total), Succeeded: int64(l.succeeded), Failed: int64(l.failed), Invalid: int64(l.invalid),
		Tokens: l.tokens, TokenLines: int64(l.hasTokens),
	})
	c.FinishReasons.Add(l.reason, 1)
	c.ErrorCodes.Add(l.code, 1)
}

// Add adds o's counts to c's, and leaves o's as they are.
func (c *Counts) Add(o Counts) {
	c.addNumbers(&o)
	for _, name := range o.FinishReasons.Sorted() {
		c.FinishReasons.Add(name, o.FinishReasons[name])
	}
	for _, name := range o.ErrorCodes.Sorted() {
		c.ErrorCodes.Add(name, o.ErrorCodes[name])
	}
}

func (c *Counts) addNumbers(o *Counts) {
	c.Total += o.Total
	c.Succeeded += o.Succeeded
	c.Failed += o.Failed
	c.Invalid += o.Invalid
	c.TokenLines += o.TokenLines
	for i, n := range o.Tokens {
		c.Tokens[i] = sum(c.Tokens[i], n)
	}
}

// sum stays at the largest number rather than overflow: numbers of tokens are
// whatever lines say.
func sum(a, b int64) int64 { return a + min(b, math.MaxInt64-a) }

// Names are numbers of lines by a name that lines have, such as a finish reason. They
// are at most maxNames, however many lines say, and Other.
type Names map[string]int64

// Other is where lines are counted whose names are too many.
const Other = "other"

const (
	maxNames = 50
	maxName  = 48 // bytes; Gemini's longest have half of that
)

// Add counts n lines under a name. Those without one are not counted.
func (c *Names) Add(name string, n int64) {
	if name == "" {
		return
	}
	if *c == nil {
		*c = make(Names)
	}
	if _, known := (*c)[name]; !known {
		names := len(*c)
		if _, others := (*c)[Other]; others {
			names--
		}
		if names >= maxNames {
			name = Other
		}
	}
	(*c)[name] += n
}

// Sorted are the names, sorted.
func (c Names) Sorted() []string { return slices.Sorted(maps.Keys(c)) }

// nameOf is a text as a name: cut at a rune border, and a copy of its own.
func nameOf(s string) string {
	if s == "STOP" {
		return "STOP" // nearly all lines', so it is not copied
	}
	if len(s) > maxName {
		n := maxName
		for n > maxName-utf8.UTFMax && !utf8.RuneStart(s[n]) {
			n--
		}
		s = s[:n]
	}
	return strings.Clone(s)
}

// append appends the totals; missing is how many requests have no line, -1 where that
// is not known.
func (t Totals) append(b []byte, missing int64) []byte {
	b = appendObject(b, "results", func(b []byte) []byte {
		b = appendInt(b, "total", t.Total)
		b = appendInt(b, "succeeded", t.Succeeded)
		b = appendInt(b, "failed", t.Failed)
		b = appendInt(b, "invalid", t.Invalid)
		b = t.FinishReasons.append(b, "finish_reasons")
		b = t.ErrorCodes.append(b, "error_codes")
		if missing >= 0 {
			b = appendInt(b, "missing", missing)
		}
		return b
	})
	b = appendObject(b, "usage", func(b []byte) []byte {
		return appendInt(t.Tokens.append(b), "lines", t.TokenLines)
	})
	b = appendInt(b, "bytes", t.Bytes)
	if t.Retrying {
		b = append(b, `,"retrying":true`...)
	}
	if s := t.Settled; s != nil {
		b = appendObject(b, "settled", func(b []byte) []byte {
			b = appendInt(b, "total", s.Total)
			b = appendInt(b, "succeeded", s.Succeeded)
			b = appendInt(b, "failed", s.Failed)
			b = appendInt(b, "invalid", s.Invalid)
			return appendInt(b, "rounds", int64(s.Rounds))
		})
	}
	return b
}

// append appends `,"member":{…}`, or nothing where no line has a name.
func (c Names) append(b []byte, member string) []byte {
	if len(c) == 0 {
		return b
	}
	return appendObject(b, member, func(b []byte) []byte {
		for _, name := range c.Sorted() {
			b = append(appendString(append(b, ','), name), ':')
			b = strconv.AppendInt(b, c[name], 10)
		}
		return b
	})
}
