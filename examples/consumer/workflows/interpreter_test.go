package workflows_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A mistake in a definition, which Google's engine would refuse or raise. None of them is
// for a definition to catch.
type mistake string

// raised is what a definition may catch.
type raised struct{ value any }

// Error implements error.
func (r raised) Error() string { return fmt.Sprint(r.value) }

func ensure(err error) {
	if err != nil {
		panic(mistake(err.Error()))
	}
}

// execution interprets a definition: of Workflows' language what the definitions here
// use, and whatever else they have is a mistake. It is no proof of what Google's engine
// does with them.
type execution struct {
	*engine
	definition map[string]any
	id         string
	callbacks  []string
}

// run runs a definition. It returns what main returns, or what was raised.
func (x *execution) run(argument any) (result any, err error) {
	defer func() {
		x.forget()
		if m, ok := recover().(mistake); ok {
			err = fmt.Errorf("a mistake in the definition: %s", string(m))
		}
	}()
	main := as[map[string]any](x.definition["main"])
	return x.call("main", map[string]any{as[string](as[[]any](main["params"])[0]): argument})
}

// frame is a running subworkflow.
type frame struct {
	*execution
	variables map[string]any
}

// call runs a subworkflow.
func (x *execution) call(name string, arguments map[string]any) (any, error) {
	sub := as[map[string]any](x.definition[name])
	only(sub, "params", "steps")
	params := as[[]any](sub["params"])
	if len(params) != len(arguments) {
		panic(mistake(fmt.Sprintf("%s takes %v, given is %v", name, params, slices.Collect(maps.Keys(arguments)))))
	}
	for _, p := range params {
		if _, given := arguments[as[string](p)]; !given {
			panic(mistake(fmt.Sprintf("%s lacks %v", name, p)))
		}
	}
	f := &frame{x, maps.Clone(arguments)}
	flow, err := f.steps(sub["steps"])
	if flow.next != "" && flow.next != "end" {
		panic(mistake("there is no step " + flow.next))
	}
	return flow.result, err
}

func only(m map[string]any, names ...string) {
	for name := range m {
		if !slices.Contains(names, name) {
			panic(mistake(name + " stands where it is not known"))
		}
	}
}

// flow is how a step ends.
type flow struct {
	next     string // a step's name, or end
	returned bool
	result   any
}

// steps runs a list of steps.
func (f *frame) steps(list any) (flow, error) {
	all := as[[]any](list)
	named := map[string]int{}
	for i, step := range all {
		for name := range as[map[string]any](step) {
			named[name] = i
		}
	}
	if len(named) != len(all) {
		panic(mistake("steps share a name, or have none"))
	}
	for i := 0; i < len(all); i++ {
		for _, body := range as[map[string]any](all[i]) {
			flow, err := f.step(as[map[string]any](body))
			if err != nil || flow.returned || flow.next == "end" {
				return flow, err
			}
			if flow.next != "" {
				to, here := named[flow.next]
				if !here {
					return flow, nil // it is a step around this list
				}
				i = to - 1
			}
		}
	}
	return flow{}, nil
}

// step runs one step.
func (f *frame) step(body map[string]any) (out flow, err error) {
	only(body, "assign", "call", "args", "result", "switch", "for", "try", "retry", "except", "raise", "return", "next", "steps")
	if value, ok := body["return"]; ok {
		return flow{returned: true, result: f.evaluate(value)}, nil
	}
	if value, ok := body["raise"]; ok {
		return out, raised{f.evaluate(value)}
	}
	switch {
	case body["assign"] != nil:
		for _, one := range as[[]any](body["assign"]) {
			for name, value := range as[map[string]any](one) {
				f.variables[name] = f.evaluate(value)
			}
		}
	case body["call"] != nil:
		err = f.calls(body)
	case body["switch"] != nil:
		out, err = f.branch(as[[]any](body["switch"]))
	case body["for"] != nil:
		out, err = f.each(as[map[string]any](body["for"]))
	case body["try"] != nil:
		out, err = f.try(body)
	case body["steps"] != nil:
		out, err = f.steps(body["steps"])
	}
	if next, ok := body["next"]; ok && err == nil && out == (flow{}) {
		out.next = as[string](next)
	}
	return out, err
}

// calls runs a call step.
func (f *frame) calls(body map[string]any) error {
	name, arguments := as[string](body["call"]), map[string]any{}
	if body["args"] != nil {
		arguments = as[map[string]any](f.evaluate(body["args"]))
	}
	var result any
	var err error
	if _, own := f.definition[name]; own {
		result, err = f.call(name, arguments)
	} else {
		result, err = f.library(f.execution, name, arguments)
	}
	if variable, ok := body["result"]; ok && err == nil {
		f.variables[as[string](variable)] = result
	}
	return err
}

func (f *frame) branch(conditions []any) (flow, error) {
	for _, c := range conditions {
		condition := as[map[string]any](c)
		only(condition, "condition", "next", "return", "raise", "steps")
		if as[bool](f.evaluate(condition["condition"])) {
			then := maps.Clone(condition)
			delete(then, "condition")
			return f.step(then)
		}
	}
	return flow{}, nil
}

func (f *frame) each(loop map[string]any) (flow, error) {
	only(loop, "value", "in", "steps")
	for _, v := range as[[]any](f.evaluate(loop["in"])) {
		f.variables[as[string](loop["value"])] = v
		if out, err := f.steps(loop["steps"]); err != nil || out != (flow{}) {
			return out, err
		}
	}
	delete(f.variables, as[string](loop["value"]))
	return flow{}, nil
}

// tries of ${http.default_retry}, whose pauses are left out here.
const tries = 6

func (f *frame) try(body map[string]any) (out flow, err error) {
	left := 1
	if body["retry"] != nil {
		if body["retry"] != "${http.default_retry}" {
			panic(mistake(fmt.Sprintf("retry: %v", body["retry"])))
		}
		left = tries
	}
	for ; left > 0; left-- {
		if out, err = f.step(as[map[string]any](body["try"])); !retried(err) {
			break
		}
	}
	caught, ok := err.(raised)
	if !ok || body["except"] == nil {
		return out, err
	}
	except := as[map[string]any](body["except"])
	only(except, "as", "steps")
	f.variables[as[string](except["as"])] = caught.value
	defer delete(f.variables, as[string](except["as"]))
	return f.steps(except["steps"])
}

// retried says whether http.default_retry tries again.
func retried(err error) bool {
	caught, ok := err.(raised)
	if !ok {
		return false
	}
	e, _ := caught.value.(map[string]any)
	return slices.Contains([]any{429.0, 502.0, 503.0, 504.0}, e["code"]) || contains(e["tags"], "ConnectionError")
}

// function is one that may stand in an expression.
func (f *frame) function(name string, arguments []any) any {
	text := func(i int) string { return as[string](arguments[i]) }
	known := map[string]struct {
		arguments int
		result    func() any
	}{
		"not":                    {1, func() any { return !as[bool](arguments[0]) }},
		"len":                    {1, func() any { return float64(len(as[[]any](arguments[0]))) }},
		"string":                 {1, func() any { return strconv.FormatFloat(as[float64](arguments[0]), 'f', -1, 64) }},
		"default":                {2, func() any { return or(arguments[0], arguments[1]) }},
		"map.get":                {2, func() any { return as[map[string]any](arguments[0])[text(1)] }},
		"sys.get_env":            {1, func() any { return f.variable(text(0)) }},
		"uuid.generate":          {0, func() any { return f.id + "-0000" }},
		"base64.decode":          {1, func() any { b, err := base64.StdEncoding.DecodeString(text(0)); ensure(err); return b }},
		"json.decode":            {1, func() any { return decoded([]byte(text(0))) }},
		"text.decode":            {1, func() any { return string(as[[]byte](arguments[0])) }},
		"text.url_encode":        {1, func() any { return strings.ReplaceAll(url.QueryEscape(text(0)), "+", "%20") }},
		"text.match_regex":       {2, func() any { return regexp.MustCompile(text(1)).MatchString(text(0)) }},
		"text.replace_all":       {3, func() any { return strings.ReplaceAll(text(0), text(1), text(2)) }},
		"text.replace_all_regex": {3, func() any { return regexp.MustCompile(text(1)).ReplaceAllLiteralString(text(0), text(2)) }},
	}
	k, found := known[name]
	if !found || k.arguments != len(arguments) {
		panic(mistake(fmt.Sprintf("there is no %s with %d arguments", name, len(arguments))))
	}
	return k.result()
}

func or(v, otherwise any) any {
	if v == nil {
		return otherwise
	}
	return v
}

func (x *execution) variable(name string) string {
	value, found := x.env[name]
	if !found {
		panic(mistake(name + " is not set"))
	}
	return value
}

// decoded is a value of JSON.
func decoded(text []byte) (value any) {
	ensure(json.Unmarshal(text, &value))
	return value
}

func source(name string) string {
	text, err := os.ReadFile(name)
	ensure(err)
	return string(text)
}
