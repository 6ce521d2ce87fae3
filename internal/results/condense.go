package results

import (
	"bytes"
	"sort"

	"example.com/gemini-webhook/internal/lenientjson"
	"example.com/gemini-webhook/internal/outcome"
)

const (
	softLimit = 8 << 20 // 8 MiB: strings are cut for it; structure may take up to the limit
	maxFloor  = 1 << 10 // 1 KiB is kept of each string, or a sixteenth of the limit,
	minFloor  = 32      // which is more than any name that is compared

	// protected is what is kept of a string that is published whole. Even with what
	// is lost at a cut it is over the bounds of extra and of an error's details.
	protected = outcome.MaxExtra + maxUnit
)

// condensed is what is kept of a line that is too long.
type condensed struct {
	data     []byte
	cuts     []int      // where in data strings end of which only the beginning is there
	response *condensed // of a response that is a text: the JSON in it
	omitted  bool       // what is published whole has been cut

	tooLong bool // too much even so: these alone are kept
	ids     ids
}

// A condenser keeps of a line what fits into a limit: all that is outside of
// strings, and the beginnings of the strings. What makes the line invalid JSON makes
// what is kept invalid, too. Its memory is about the limit, its work linear, and
// what it keeps depends on the bytes alone, not on how they come in pieces.
type condenser struct {
	lexer
	limit, budget int // strings are cut when there is more than the budget, which rises to the limit
	floor, level  int // what is kept of a string at least, and at most
	stage         class

	out   []byte
	texts []keptString // those that are cut, or could be
	open  keptString   // the one that the lexer is in

	result   condensed
	response *unescaper
}

// keptString is what is kept between the quotes of a string: out[start:end].
type keptString struct {
	start, end int
	class      class
	cut        bool
	isResponse bool // the JSON of a response
}

func newCondenser(limit int, isResponse bool) *condenser {
	return &condenser{
		lexer: lexer{isResponse: isResponse},
		limit: limit, budget: min(limit, softLimit), level: limit, floor: max(minFloor, min(maxFloor, limit/16)),
	}
}

// finish gives what was kept.
func (c *condenser) finish() *condensed {
	for _, s := range c.texts {
		if s.cut && !c.result.tooLong {
			c.result.cuts = append(c.result.cuts, s.end)
		}
	}
	c.result.omitted = c.stage >= published
	if c.response != nil && c.response.begun {
		c.result.response = c.response.to.finish()
		c.result.omitted = c.result.omitted || c.result.response.omitted
	}
	if !c.result.tooLong {
		c.result.data = c.out
	}
	if c.broken {
		c.result.ids = ids{}
	}
	return &c.result
}

// write takes the next bytes of the line.
func (c *condenser) write(b []byte) {
	for len(b) > 0 && !c.broken {
		if c.inString {
			b = c.text(b)
		} else {
			b = c.structure(b)
		}
	}
}

// structure takes bytes up to the next string, and gives the rest.
func (c *condenser) structure(b []byte) []byte {
	for i, char := range b {
		if char == '"' {
			c.put(b[:i+1])
			c.begin()
			return b[i+1:]
		}
		if c.outside(char); c.broken {
			c.put(b[:i+1])
			return nil
		}
	}
	c.put(b)
	return nil
}

// begin is called behind the quote that begins a string.
func (c *condenser) begin() {
	if c.result.tooLong {
		c.out = append(c.out[:0], '"')
	}
	c.open = keptString{start: len(c.out), class: uncut}
	if !c.atName {
		c.open.class = c.class(true)
		c.open.isResponse = c.isMember("response")
	}
	if c.open.isResponse {
		c.response = &unescaper{to: newCondenser(c.limit, true)}
	}
	c.inString = true
}

// text takes bytes of a string, and gives what follows.
func (c *condenser) text(b []byte) []byte {
	if len(c.escape) == 0 {
		n := 0
		for n < len(b) && inText[b[n]] {
			n++
		}
		if n > 0 {
			c.keep(b[:n])
			return b[n:]
		}
	}
	switch char := b[0]; {
	case len(c.escape) > 0 || char == '\\':
		if last := c.escaped(char); last && !c.broken {
			c.keep(c.escape)
			c.escape = nil
		}
	case char == '"':
		c.end()
	default:
		c.broken = true // a control character
	}
	return b[1:]
}

// keep takes a part of a string: text without escapes, or one escape.
func (c *condenser) keep(part []byte) {
	if c.open.isResponse {
		c.response.write(part)
	}
	if !c.open.cut {
		c.put(part)
	}
}

// end is called at the quote that ends a string.
func (c *condenser) end() {
	s := c.open
	s.end = len(c.out)
	c.inString = false
	if s.isResponse {
		c.response.flush()
	}
	if c.atName || c.result.tooLong && s.class == uncut && !s.cut {
		quoted := lenientjson.Value(bytes.Clone(repaired(append(c.out[s.start-1:s.end], '"'))))
		switch {
		case c.atName:
			c.name = append(c.name[:0], quoted.Str()...)
		case c.isMember(string(c.name)):
			c.result.ids.set(string(c.name), quoted)
		case len(c.stack) == 2 && c.stack[1].metadata:
			c.result.ids.metadata = append(append(lenientjson.Value(`{"key":`), quoted...), '}')
		}
	}
	if s.cut || s.class < uncut && s.end-s.start > c.floor && !c.result.tooLong {
		c.texts = append(c.texts, s)
	}
	c.put([]byte{'"'})
}

// put appends to what is kept, cutting strings where that is too much.
func (c *condenser) put(b []byte) {
	for len(b) > 0 && !c.result.tooLong {
		n := min(len(b), c.budget-len(c.out))
		most := c.most(c.open, c.level)
		if c.inString {
			n = min(n, c.open.start+most+maxUnit-len(c.out))
		}
		c.out = append(c.out, b[:n]...)
		b = b[n:]
		if c.inString && len(c.out) == c.open.start+most+maxUnit {
			c.out = c.out[:c.open.start+border(c.out[c.open.start:], most)]
			c.open.cut = true
		}
		for len(c.out) >= c.budget && !c.result.tooLong {
			c.shrink()
		}
		if c.inString && c.open.cut {
			return
		}
	}
	// Of what is too long only names and keys are read, one after the other.
	if c.inString && len(b) > 0 {
		if c.open.cut = c.open.cut || len(c.out)+len(b) > protected; !c.open.cut {
			c.out = append(c.out, b...)
		}
	}
}

// most is how much may be kept of a string when others are cut to a level.
func (c *condenser) most(s keptString, level int) int {
	switch {
	case s.isResponse: // what is in it is condensed
		return min(level, protected)
	case s.class == uncut:
		return c.limit
	case s.class > c.stage:
		return max(level, protected)
	}
	return level
}

// shrink makes room: it cuts all strings to a lower level, as high as half of the
// budget allows. Where all are at the lowest the budget rises, then what is else
// published whole is cut.
func (c *condenser) shrink() {
	switch {
	case c.level > c.floor:
		c.level = c.floor + sort.Search(c.level-c.floor, func(i int) bool { return c.size(c.floor+i+1) > c.budget/2 })
	case c.budget < c.limit:
		c.budget = min(2*c.budget, c.limit)
		return
	case c.stage < published:
		c.stage++
	default:
		c.result.tooLong = true
		c.result.ids = prefixIDs(repaired(c.out))
		return
	}
	c.cut()
}

// size is about what would be kept with strings cut to a level.
func (c *condenser) size(level int) int {
	n := len(c.out)
	for _, s := range c.texts {
		n -= max(0, s.end-s.start-c.most(s, level))
	}
	if c.inString {
		n -= max(0, len(c.out)-c.open.start-c.most(c.open, level))
	}
	return n
}

// cut cuts all strings to the level.
func (c *condenser) cut() {
	if c.inString {
		c.open.end = len(c.out)
		c.texts = append(c.texts, c.open)
	}
	to, from := 0, 0
	for i := range c.texts {
		s := &c.texts[i]
		to += copy(c.out[to:], c.out[from:s.start])
		from = s.end
		content := c.out[s.start:s.end]
		if most := c.most(*s, c.level); len(content) > most {
			content = content[:border(content, most)]
			s.cut = true
		}
		s.start = to
		to += copy(c.out[to:], content)
		s.end = to
	}
	to += copy(c.out[to:], c.out[from:])
	c.out = c.out[:to]
	if c.inString {
		last := len(c.texts) - 1
		c.open, c.texts = c.texts[last], c.texts[:last]
	}
}
