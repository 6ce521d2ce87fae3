package monitoring

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Entry is a LogEntry as REST has it.
type Entry map[string]any

// Field is the value at a path such as jsonPayload.lines.failed, as text; ok is false
// where there is none.
func (e Entry) Field(path string) (text string, ok bool) {
	var value any = map[string]any(e)
	for name := range strings.SplitSeq(path, ".") {
		members, isObject := value.(map[string]any)
		if !isObject || members[name] == nil {
			return "", false
		}
		value = members[name]
	}
	switch value := value.(type) {
	case string:
		return value, true
	case bool, float64:
		return fmt.Sprint(value), true
	}
	return "", false
}

// condition is a filter that was parsed.
type condition = func(Entry) bool

// filterToken is a quoted text, a word or a sign of Cloud Logging's filter language.
var filterToken = regexp.MustCompile(`^\s*("(?:[^"\\]|\\.)*"|=~|!~|!=|<=|>=|[=:<>()]|[A-Za-z0-9_.*/-]+)`)

// filterParser reads the part of Cloud Logging's filter language that our filters use:
// comparisons, log_id, AND, OR, NOT and parentheses. What it does not know fails.
type filterParser struct {
	t      testing.TB
	text   string
	tokens []string
}

// Filter parses a filter, whose value says whether an entry passes it.
func Filter(t testing.TB, text string) func(Entry) bool {
	t.Helper()
	p := &filterParser{t: t, text: text}
	for rest := text; strings.TrimSpace(rest) != ""; {
		m := filterToken.FindStringSubmatch(rest)
		if m == nil {
			t.Fatalf("not known in a filter: %s", rest)
		}
		p.tokens, rest = append(p.tokens, m[1]), rest[len(m[0]):]
	}
	c := p.either()
	if len(p.tokens) > 0 {
		t.Fatalf("%q stands behind the end of %s", p.tokens, text)
	}
	return c
}

func (p *filterParser) next() string {
	p.t.Helper()
	if len(p.tokens) == 0 {
		p.t.Fatalf("%s ends too early", p.text)
	}
	token := p.tokens[0]
	p.tokens = p.tokens[1:]
	return token
}

// takes says whether the next token is this one, and takes it.
func (p *filterParser) takes(token string) bool {
	if len(p.tokens) == 0 || p.tokens[0] != token {
		return false
	}
	p.tokens = p.tokens[1:]
	return true
}

func (p *filterParser) wants(token string) {
	p.t.Helper()
	if !p.takes(token) {
		p.t.Fatalf("%s: want %s before %q", p.text, token, p.tokens)
	}
}

// NOT binds closest, then OR, then AND, as in Cloud Logging: mixed ones want parentheses.
func (p *filterParser) either() condition {
	left, mixed := p.one(), ""
	for {
		switch {
		case mixed != "OR" && p.takes("AND"):
			a, b := left, p.one()
			left, mixed = func(e Entry) bool { return a(e) && b(e) }, "AND"
		case mixed != "AND" && p.takes("OR"):
			a, b := left, p.one()
			left, mixed = func(e Entry) bool { return a(e) || b(e) }, "OR"
		default:
			return left
		}
	}
}

func (p *filterParser) one() condition {
	switch {
	case p.takes("NOT"):
		c := p.one()
		return func(e Entry) bool { return !c(e) }
	case p.takes("("):
		c := p.either()
		p.wants(")")
		return c
	case p.takes("log_id"):
		p.wants("(")
		id := p.quoted()
		p.wants(")")
		return func(e Entry) bool {
			name, _ := e.Field("logName")
			return strings.HasSuffix(name, "/logs/"+strings.ReplaceAll(id, "/", "%2F"))
		}
	}
	return p.comparison()
}

func (p *filterParser) quoted() string {
	p.t.Helper()
	text, err := strconv.Unquote(p.next())
	if err != nil {
		p.t.Fatalf("%s: %v", p.text, err)
	}
	return text
}

var severities = []string{"DEFAULT", "DEBUG", "INFO", "NOTICE", "WARNING", "ERROR", "CRITICAL"}

// comparison: a field that is not there is never equal to anything.
func (p *filterParser) comparison() condition {
	p.t.Helper()
	field, operator := p.next(), p.next()
	if operator == ":" && p.takes("*") {
		return func(e Entry) bool { _, ok := e.Field(field); return ok }
	}
	if operator == "=" && p.takes("(") {
		return p.oneOf(field)
	}
	value := p.next()
	if strings.HasPrefix(value, `"`) {
		p.tokens = slices.Insert(p.tokens, 0, value)
		value = p.quoted()
	}
	switch operator {
	case "=":
		return func(e Entry) bool { text, ok := e.Field(field); return ok && strings.EqualFold(text, value) }
	case "=~":
		pattern := regexp.MustCompile(value)
		return func(e Entry) bool { text, ok := e.Field(field); return ok && pattern.MatchString(text) }
	case "<", "<=", ">", ">=":
		return p.ordered(field, operator, value)
	}
	p.t.Fatalf("%s: the operator %s is not known", p.text, operator)
	return nil
}

// ordered compares by order.
func (p *filterParser) ordered(field, operator, value string) condition {
	p.t.Helper()
	limit := p.number(field, value)
	return func(e Entry) bool {
		text, ok := e.Field(field)
		if !ok {
			return false
		}
		n := p.number(field, text)
		return n < limit && operator[0] == '<' || n > limit && operator[0] == '>' || n == limit && len(operator) == 2
	}
}

// oneOf reads the rest of field=("a" OR "b").
func (p *filterParser) oneOf(field string) condition {
	p.t.Helper()
	values := []string{p.quoted()}
	for p.takes("OR") {
		values = append(values, p.quoted())
	}
	p.wants(")")
	return func(e Entry) bool {
		text, ok := e.Field(field)
		return ok && slices.ContainsFunc(values, func(v string) bool { return strings.EqualFold(v, text) })
	}
}

// number is what a value is compared by: severities by their order, durations by their
// length.
func (p *filterParser) number(field, text string) float64 {
	p.t.Helper()
	if field == "severity" {
		return float64(slices.Index(severities, text))
	}
	if n, err := strconv.ParseFloat(text, 64); err == nil {
		return n
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		p.t.Fatalf("%s: %q is no number", p.text, text)
	}
	return d.Seconds()
}

var (
	extract       = regexp.MustCompile(`^EXTRACT\(([A-Za-z_.]+)\)$`)
	regexpExtract = regexp.MustCompile(`^REGEXP_EXTRACT\(([A-Za-z_.]+), "(.*)"\)$`)
)

// extractor gives what an extractor finds in an entry.
func extractor(t testing.TB, text string) func(Entry) (string, bool) {
	t.Helper()
	if m := extract.FindStringSubmatch(text); m != nil {
		return func(e Entry) (string, bool) { return e.Field(m[1]) }
	}
	m := regexpExtract.FindStringSubmatch(text)
	if m == nil {
		t.Fatalf("no extractor: %s", text)
	}
	pattern := regexp.MustCompile(m[2])
	if pattern.NumSubexp() != 1 {
		t.Fatalf("%s has %d groups, want one", text, pattern.NumSubexp())
	}
	return func(e Entry) (string, bool) {
		field, ok := e.Field(m[1])
		found := pattern.FindStringSubmatch(field)
		if !ok || found == nil {
			return "", false
		}
		return found[1], true
	}
}
