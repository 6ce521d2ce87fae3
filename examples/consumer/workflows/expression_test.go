package workflows_test

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"text/scanner"
)

// evaluate computes a value of a definition: texts that are ${…} are expressions, all
// others stand for themselves, and maps and lists are gone through.
func (f *frame) evaluate(v any) any {
	switch v := v.(type) {
	case map[string]any:
		values := map[string]any{}
		for name, member := range v {
			values[name] = f.evaluate(member)
		}
		return values
	case []any:
		values := make([]any, len(v))
		for i := range v {
			values[i] = f.evaluate(v[i])
		}
		return values
	case string:
		if text, ok := strings.CutPrefix(v, "${"); ok && strings.HasSuffix(text, "}") {
			return f.expression(strings.TrimSuffix(text, "}"))
		}
		if strings.Contains(v, "${") {
			panic(mistake("an expression within a text: " + v))
		}
	}
	return v
}

// parser reads an expression and computes it as it goes, both sides of "and" and "or"
// alike: an expression must not need that one is left out.
type parser struct {
	*frame
	scanner.Scanner
	token rune
}

func (f *frame) expression(text string) any {
	p := &parser{frame: f}
	p.Init(strings.NewReader(text))
	p.Mode = scanner.ScanIdents | scanner.ScanInts | scanner.ScanStrings
	p.Error = func(_ *scanner.Scanner, message string) { panic(mistake(message + ": " + text)) }
	p.next()
	v := p.or()
	if p.token != scanner.EOF {
		panic(mistake(fmt.Sprintf("%q is left of %s", p.TokenText(), text)))
	}
	return v
}

func (p *parser) next() { p.token = p.Scan() }

// takes says whether the next token is the text, and goes on if so.
func (p *parser) takes(text string) bool {
	if p.TokenText() != text || p.token == scanner.EOF || p.token == scanner.String {
		return false
	}
	p.next()
	return true
}

func (p *parser) wants(text string) {
	if !p.takes(text) {
		panic(mistake(fmt.Sprintf("%q where %q is wanted", p.TokenText(), text)))
	}
}

func (p *parser) or() any {
	v := p.and()
	for p.takes("or") {
		right := p.and()
		v = as[bool](v) || as[bool](right)
	}
	return v
}

func (p *parser) and() any {
	v := p.comparison()
	for p.takes("and") {
		right := p.comparison()
		v = as[bool](v) && as[bool](right)
	}
	return v
}

func (p *parser) comparison() any {
	left := p.sum()
	switch {
	case p.takes("="):
		p.wants("=")
		return reflect.DeepEqual(left, p.sum())
	case p.takes("!"):
		p.wants("=")
		return !reflect.DeepEqual(left, p.sum())
	case p.takes(">"):
		return as[float64](left) > as[float64](p.sum())
	case p.takes("in"):
		return contains(p.sum(), left)
	}
	return left
}

func contains(in, what any) bool {
	switch in := in.(type) {
	case map[string]any:
		_, found := in[as[string](what)]
		return found
	case []any:
		for _, v := range in {
			if reflect.DeepEqual(v, what) {
				return true
			}
		}
		return false
	}
	panic(mistake(fmt.Sprintf("in %T", in)))
}

func (p *parser) sum() any {
	v := p.product()
	for p.takes("+") {
		right := p.product()
		if text, ok := v.(string); ok {
			v = text + as[string](right) // a number is no text
		} else {
			v = as[float64](v) + as[float64](right)
		}
	}
	return v
}

func (p *parser) product() any {
	v := p.operand()
	for p.takes("*") {
		v = as[float64](v) * as[float64](p.operand())
	}
	return v
}

func (p *parser) operand() any {
	text := p.TokenText()
	switch p.token {
	case scanner.Int:
		p.next()
		n, err := strconv.ParseFloat(text, 64)
		ensure(err)
		return n
	case scanner.String:
		p.next()
		s, err := strconv.Unquote(text)
		ensure(err)
		return s
	case scanner.Ident:
		p.next()
		return p.named(text)
	case '(':
		p.next()
		v := p.or()
		p.wants(")")
		return v
	}
	panic(mistake(fmt.Sprintf("%q where a value is wanted", text)))
}

// named is a constant, a function's result, or a variable or what is in it.
func (p *parser) named(name string) any {
	switch name {
	case "null":
		return nil
	case "true":
		return true
	case "false":
		return false
	}
	path := []string{name}
	for p.takes(".") {
		path = append(path, p.TokenText())
		p.next()
	}
	if p.takes("(") {
		var arguments []any
		for !p.takes(")") {
			arguments = append(arguments, p.or())
			if p.TokenText() != ")" {
				p.wants(",")
			}
		}
		return p.function(strings.Join(path, "."), arguments)
	}
	v, found := p.variables[name]
	if !found {
		panic(mistake("there is no variable " + name))
	}
	for _, member := range path[1:] {
		inner, found := as[map[string]any](v)[member]
		if !found {
			panic(mistake("there is no " + strings.Join(path, ".")))
		}
		v = inner
	}
	return v
}

// as wants a type: Workflows converts nothing by itself.
func as[T any](v any) T {
	got, ok := v.(T)
	if !ok {
		panic(mistake(fmt.Sprintf("%T where %T is wanted: %v", v, got, v)))
	}
	return got
}
