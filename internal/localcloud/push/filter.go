package push

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// ErrFilter is wrapped by the errors of ParseFilter, which say where in the
// text the trouble is.
var ErrFilter = errors.New("bad filter")

// maxFilter is Pub/Sub's limit of a filter's length in bytes.
const maxFilter = 256

// Filter tells whether a message with those attributes is delivered.
type Filter func(attributes map[string]string) bool

// ParseFilter reads a Pub/Sub subscription filter:
//
//	attributes:KEY                     the attribute exists
//	attributes.KEY = "VALUE"           it has that value
//	attributes.KEY != "VALUE"          it is missing or has another value
//	hasPrefix(attributes.KEY, "TEXT")  its value begins so
//	NOT x, -x, x AND y, x OR y, (x)
//
// As in Pub/Sub, AND and OR mix only with parentheses, keys may be quoted,
// operators are upper case, and the empty filter matches everything.
func ParseFilter(text string) (Filter, error) {
	if len(text) > maxFilter {
		return nil, fmt.Errorf("%w: %d bytes, Pub/Sub takes at most %d", ErrFilter, len(text), maxFilter)
	}
	p := &parser{text: text}
	p.next()
	if p.kind == end && p.err == nil {
		return func(map[string]string) bool { return true }, nil
	}
	f := p.expression()
	if p.err == nil && p.kind != end {
		p.fail("want AND, OR or the end")
	}
	if p.err != nil {
		return nil, p.err
	}
	return f, nil
}

type kind int

const (
	end kind = iota
	word
	quoted
	symbol // one of . : = != ( ) , -
)

// parser holds one token of look-ahead. After an error, it sees the end.
type parser struct {
	text  string
	pos   int // after the token
	start int // of the token
	kind  kind
	value string
	err   error
}

func (p *parser) fail(want string) {
	if p.err == nil {
		p.err = fmt.Errorf("%w: at byte %d: %s", ErrFilter, p.start, want)
	}
	p.kind, p.value, p.pos = end, "", len(p.text)
}

func (p *parser) next() {
	for p.pos < len(p.text) && strings.IndexByte(" \t\r\n", p.text[p.pos]) >= 0 {
		p.pos++
	}
	p.start = p.pos
	rest := p.text[p.pos:]
	switch {
	case rest == "":
		p.kind, p.value = end, ""
	case rest[0] == '"':
		literal, err := strconv.QuotedPrefix(rest)
		if err != nil {
			p.fail("the quoted text does not end")
			return
		}
		p.value, err = strconv.Unquote(literal)
		if err != nil {
			p.fail("the quoted text has a bad escape")
			return
		}
		p.kind, p.pos = quoted, p.pos+len(literal)
	case strings.HasPrefix(rest, "!="):
		p.kind, p.value, p.pos = symbol, "!=", p.pos+2
	case strings.IndexByte(".:=(),-", rest[0]) >= 0:
		p.kind, p.value, p.pos = symbol, rest[:1], p.pos+1
	default:
		n := strings.IndexFunc(rest, func(r rune) bool { return !isWord(r) })
		if n < 0 {
			n = len(rest)
		}
		if n == 0 {
			p.fail("this character has no meaning here; quote keys and values")
			return
		}
		p.kind, p.value, p.pos = word, rest[:n], p.pos+n
	}
}

func isWord(r rune) bool {
	return r == '_' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
}

// is tells whether the token is that word or symbol; quoted text never is.
func (p *parser) is(value string) bool { return p.kind != quoted && p.kind != end && p.value == value }

func (p *parser) accept(value string) bool {
	if p.is(value) {
		p.next()
		return true
	}
	return false
}

func (p *parser) expect(value string) {
	if !p.accept(value) {
		p.fail("want " + value)
	}
}

func (p *parser) expression() Filter {
	f := p.unary()
	for operator := ""; p.is("AND") || p.is("OR"); {
		if operator != "" && p.value != operator {
			p.fail("AND and OR mix only with parentheses")
			break
		}
		operator = p.value
		p.next()
		left, right := f, p.unary()
		if operator == "AND" {
			f = func(a map[string]string) bool { return left(a) && right(a) }
		} else {
			f = func(a map[string]string) bool { return left(a) || right(a) }
		}
	}
	return f
}

func (p *parser) unary() Filter {
	if p.accept("NOT") || p.accept("-") {
		f := p.unary()
		return func(a map[string]string) bool { return !f(a) }
	}
	if p.accept("(") {
		f := p.expression()
		p.expect(")")
		return f
	}
	if p.accept("hasPrefix") {
		p.expect("(")
		p.expect("attributes")
		p.expect(".")
		key := p.key()
		p.expect(",")
		prefix := p.literal()
		p.expect(")")
		return func(a map[string]string) bool { v, ok := a[key]; return ok && strings.HasPrefix(v, prefix) }
	}
	if !p.accept("attributes") {
		p.fail(`want attributes:KEY, attributes.KEY = "VALUE", hasPrefix(…), NOT or (`)
		return nil
	}
	if p.accept(":") {
		key := p.key()
		return func(a map[string]string) bool { _, ok := a[key]; return ok }
	}
	p.expect(".")
	key := p.key()
	if p.accept("!=") {
		value := p.literal()
		return func(a map[string]string) bool { v, ok := a[key]; return !ok || v != value }
	}
	p.expect("=")
	value := p.literal()
	return func(a map[string]string) bool { v, ok := a[key]; return ok && v == value }
}

func (p *parser) key() string {
	if p.kind != word && p.kind != quoted || p.value == "" {
		p.fail("want an attribute's key")
		return ""
	}
	key := p.value
	p.next()
	return key
}

func (p *parser) literal() string {
	if p.kind != quoted {
		p.fail("want a text in double quotes")
		return ""
	}
	value := p.value
	p.next()
	return value
}
