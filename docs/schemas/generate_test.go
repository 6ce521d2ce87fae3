package schemas_test

import (
	"bytes"
	stdcmp "cmp"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/invopop/jsonschema"

	"example.com/gemini-webhook/outcomes"
)

// kinds are the types of outcomes and the files of their schemas, in the order of the
// README. events are what event_type may be, where that is not the file's name.
var kinds = []struct {
	file   string
	of     outcomes.Outcome
	events []any
}{
	{"batch.result", &outcomes.BatchResult{}, []any{"batch.succeeded", "batch.completed"}},
	{"batch.completed", &outcomes.BatchCompleted{}, []any{"batch.succeeded", "batch.completed"}},
	{"batch.incomplete", &outcomes.BatchIncomplete{}, []any{"batch.succeeded", "batch.completed"}},
	{"batch.unreadable", &outcomes.BatchUnreadable{}, []any{"batch.succeeded", "batch.completed"}},
	{"batch.failed", &outcomes.BatchFailed{}, nil},
	{"batch.expired", &outcomes.BatchExpired{}, nil},
	{"batch.cancelled", &outcomes.BatchCancelled{}, nil},
	{"video.generated", &outcomes.VideoGenerated{}, nil},
	{"interaction.completed", &outcomes.InteractionCompleted{}, nil},
	{"interaction.requires_action", &outcomes.InteractionRequiresAction{}, nil},
	{"interaction.failed", &outcomes.InteractionFailed{}, nil},
	{"interaction.cancelled", &outcomes.InteractionCancelled{}, nil},
	{"unrecognized", &outcomes.Unrecognized{}, []any{"", "batch.result", "batch.incomplete", "batch.unreadable", "unrecognized"}},
	{"other", &outcomes.Other{}, nil},
}

const (
	commonFile = "common.schema.json"
	defs       = commonFile + "#/$defs/"
)

// titles are names that a type has in the schemas, and so in TypeScript, in place of Go's.
var titles = map[string]string{"Error": "OutcomeError", "Other": "OtherOutcome"}

// TestSchemasAreMadeFromTheTypes compares docs/schemas with package outcomes: its types are
// what is changed, and the files follow. It is not parallel, so that with -update the others
// find the new files.
func TestSchemasAreMadeFromTheTypes(t *testing.T) {
	files := newGenerator(t).files()
	there, err := filepath.Glob("*.schema.json")
	must(t, err)
	for _, name := range there {
		if files[name] == nil {
			t.Errorf("%s is made from no type: delete it", name)
		}
	}
	for name, want := range files {
		if *update {
			must(t, os.WriteFile(name, want, 0o644))
		}
		got, err := os.ReadFile(name)
		must(t, err)
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s is not what package outcomes says; run `go test ./docs/schemas -update` (-want +got):\n%s", name, diff)
		}
	}
}

// generator makes schemas of Go types.
type generator struct {
	t         *testing.T
	reflector *jsonschema.Reflector
	root      reflect.Type      // that is being made
	shared    []reflect.Type    // types that others refer to: $defs of the common schema
	rules     map[string]string // that are not applied yet
}

func newGenerator(t *testing.T) *generator {
	t.Helper()
	g := &generator{t: t, rules: maps.Clone(rules)}
	g.reflector = &jsonschema.Reflector{Anonymous: true, ExpandedStruct: true, Lookup: g.lookup, Mapper: raw}
	must(t, g.reflector.AddGoComments("example.com/gemini-webhook/docs/schemas", "../../outcomes", jsonschema.WithFullComment()))
	return g
}

// raw is JSON that is passed on: of a map's values nothing is said, see closed.
func raw(t reflect.Type) *jsonschema.Schema {
	if t == reflect.TypeFor[json.RawMessage]() {
		return &jsonschema.Schema{Ref: defs + "json"}
	}
	return nil
}

// lookup sends what refers to one of our objects to the common schema.
func (g *generator) lookup(t reflect.Type) jsonschema.ID {
	ours := t.PkgPath() == reflect.TypeFor[outcomes.Common]().PkgPath()
	if !ours || t == g.root || t.Kind() != reflect.Struct && t.Kind() != reflect.Map {
		return ""
	}
	if !slices.Contains(g.shared, t) {
		g.shared = append(g.shared, t)
	}
	return jsonschema.ID(defs + defName(t))
}

func defName(t reflect.Type) string { return strings.ToLower(t.Name()[:1]) + t.Name()[1:] }

// files are the schemas by their files' names.
func (g *generator) files() map[string][]byte {
	files := make(map[string][]byte)
	common := g.schema(reflect.TypeFor[outcomes.Common](), "common")
	common.AdditionalProperties = nil // each type's own schema closes it
	common.Definitions = jsonschema.Definitions{}
	root := &jsonschema.Schema{
		Title: "Outcome", Description: "Any published outcome. Exactly one branch matches, which type alone decides.",
		Definitions: jsonschema.Definitions{},
	}
	known := &jsonschema.Schema{Title: "KnownOutcome", Description: "An outcome of a type that the receiver knows."}
	for _, kind := range kinds {
		name := kind.file + ".schema.json"
		s := g.outcome(common, kind.file, reflect.TypeOf(kind.of).Elem(), kind.events)
		files[name] = g.file(name, s)
		if kind.file != "other" {
			known.OneOf = append(known.OneOf, &jsonschema.Schema{Ref: name})
		}
	}
	root.Definitions["KnownOutcome"] = known
	root.OneOf = []*jsonschema.Schema{{Ref: "#/$defs/KnownOutcome"}, {Ref: "other.schema.json"}}
	files["outcome.schema.json"] = g.file("outcome.schema.json", root)
	attributes := g.schema(reflect.TypeFor[outcomes.Attributes](), "attributes")
	files["attributes.schema.json"] = g.file("attributes.schema.json", attributes)

	for i := 0; i < len(g.shared); i++ { // it grows
		common.Definitions[defName(g.shared[i])] = g.schema(g.shared[i], "#"+g.shared[i].Name())
	}
	common.Definitions["json"] = &jsonschema.Schema{Title: "JSONValue", Extras: map[string]any{
		"type": []string{"object", "array", "string", "number", "boolean", "null"}, "additionalProperties": true,
	}}
	common.Definitions["event"] = g.decoded(`{"title": "GeminiEvent", "type": "object", "additionalProperties": true,
		"description": "What Gemini sent, verbatim. Absent where there was nothing (mode reconciled) and where truncated names it."}`)
	files[commonFile] = g.file(commonFile, common)
	for name := range g.rules {
		g.t.Errorf("there is a rule of %s, and no such schema", name)
	}
	return files
}

// outcome is the schema of one type: what it has besides the common members.
func (g *generator) outcome(common *jsonschema.Schema, file string, t reflect.Type, events []any) *jsonschema.Schema {
	s := g.schema(t, "")
	for p := common.Properties.Oldest(); p != nil; p = p.Next() {
		if p.Key != "type" && p.Key != "event_type" {
			s.Properties.Delete(p.Key)
		}
	}
	s.Required = slices.DeleteFunc(s.Required, func(name string) bool { _, own := s.Properties.Get(name); return !own })
	kind, event := &jsonschema.Schema{Const: file}, &jsonschema.Schema{Const: file}
	if events != nil {
		event = &jsonschema.Schema{Enum: events}
	}
	if file == "other" {
		ours := &jsonschema.Schema{}
		for _, k := range kinds {
			if k.file != "other" {
				ours.Enum = append(ours.Enum, k.file)
			}
		}
		long, short := uint64(256), uint64(1) // bytes of a type that is taken for one
		kind = &jsonschema.Schema{Type: "string", MaxLength: &long, Not: ours}
		event = &jsonschema.Schema{Type: "string", MinLength: &short, MaxLength: &long}
	}
	s.Properties.Set("type", kind)
	s.Properties.Set("event_type", event)
	if _, has := s.Properties.Get("event"); has && file != "unrecognized" {
		s.Properties.Set("event", &jsonschema.Schema{Ref: defs + "event"})
	}
	s.AllOf = []*jsonschema.Schema{{Ref: commonFile}}
	s.AdditionalProperties = nil
	s.Extras = map[string]any{"unevaluatedProperties": false} // it sees the common ones
	g.rule(s, file)
	return s
}

// schema is what the Go type and its comments say, with a rule.
func (g *generator) schema(t reflect.Type, rule string) *jsonschema.Schema {
	g.root = t
	s := g.reflector.ReflectFromType(t)
	s.Version, s.Definitions = "", nil
	s.Title = t.Name()
	if title, other := titles[s.Title]; other {
		s.Title = title
	}
	s.Description = sentence(t.Name(), s.Description)
	if s.Properties != nil {
		for p := s.Properties.Oldest(); p != nil; p = p.Next() {
			closed(p.Key, p.Value)
		}
	}
	g.rule(s, rule)
	return s
}

// closed says of a member what the reflection leaves open.
func closed(name string, p *jsonschema.Schema) {
	p.Description = strings.ReplaceAll(p.Description, "\n", " ")
	if name == "resource" { // of all that is passed on, only this is always an object
		p.Ref, p.Type, p.AdditionalProperties = "", "object", jsonschema.TrueSchema
	}
	switch {
	case p.Ref != "": // what it refers to has the description
		p.Description = ""
	case p.Type == "boolean": // where it is false it is absent
		p.Type, p.Const = "", true
	case name == "schema_version":
		p.Type, p.Const = "", outcomes.SchemaVersion
	case p.AdditionalProperties != nil && p.AdditionalProperties.Ref == defs+"json":
		p.AdditionalProperties = jsonschema.TrueSchema
	}
}

// sentence is the first paragraph of a doc comment as a description, without the name that
// Go wants first; what follows is about Go alone.
func sentence(name, comment string) string {
	comment, _, _ = strings.Cut(comment, "\n\n")
	comment = strings.ReplaceAll(comment, "\n", " ")
	for _, verb := range []string{" is ", " are ", " says that ", " has "} {
		if rest, is := strings.CutPrefix(comment, name+verb); is {
			return strings.ToUpper(rest[:1]) + rest[1:]
		}
	}
	return comment
}

// rule adds what rules say.
func (g *generator) rule(s *jsonschema.Schema, name string) {
	if g.rules[name] == "" {
		return
	}
	extra := g.decoded(g.rules[name])
	delete(g.rules, name)
	s.AllOf = append(s.AllOf, extra.AllOf...)
	s.Not, s.If, s.Then = extra.Not, extra.If, extra.Then
	s.MinProperties, s.MaxProperties = extra.MinProperties, extra.MaxProperties
	s.PatternProperties, s.PropertyNames = extra.PatternProperties, extra.PropertyNames
	if extra.AdditionalProperties != nil {
		s.AdditionalProperties = extra.AdditionalProperties
	}
	if extra.Properties == nil {
		return
	}
	for p := extra.Properties.Oldest(); p != nil; p = p.Next() {
		member, there := s.Properties.Get(p.Key)
		if !there {
			g.t.Fatalf("the rule of %s is about %s, which is no member", name, p.Key)
		}
		if member.Ref != "" {
			s.Properties.Set(p.Key, p.Value)
			continue
		}
		if member.Const = p.Value.Const; member.Const != nil {
			member.Type = ""
		}
		member.Pattern = stdcmp.Or(p.Value.Pattern, member.Pattern)
		member.MinProperties = stdcmp.Or(p.Value.MinProperties, member.MinProperties)
		if p.Value.Items != nil {
			member.Items.Enum = p.Value.Items.Enum
		}
	}
}

func (g *generator) decoded(text string) *jsonschema.Schema {
	g.t.Helper()
	s := new(jsonschema.Schema)
	must(g.t, json.Unmarshal([]byte(text), s))
	return s
}

// file is a schema as its file has it: what it is comes first.
func (g *generator) file(name string, s *jsonschema.Schema) []byte {
	g.t.Helper()
	head := &jsonschema.Schema{Version: jsonschema.Version, ID: jsonschema.ID(name), Title: s.Title, Description: s.Description}
	rest := *s
	rest.Title, rest.Description = "", ""
	text := append(bytes.TrimSuffix(g.encoded(head), []byte("}")), ',')
	text = append(text, bytes.TrimPrefix(g.encoded(&rest), []byte("{"))...)
	var b bytes.Buffer
	must(g.t, json.Indent(&b, text, "", "  "))
	b.WriteByte('\n')
	return b.Bytes()
}

func (g *generator) encoded(s *jsonschema.Schema) []byte {
	g.t.Helper()
	text, err := json.Marshal(s)
	must(g.t, err)
	return text
}

// TestEveryTypeHasItsSchema: a type that Decode knows is made into a schema, and no other.
func TestEveryTypeHasItsSchema(t *testing.T) {
	t.Parallel()
	made := make(map[string]string)
	for _, kind := range kinds {
		made[kind.file] = reflect.TypeOf(kind.of).String()
	}
	for name, m := range messages(t) {
		o, err := outcomes.Decode(m.Data)
		must(t, err)
		file := o.Base().Type
		if _, other := o.(*outcomes.Other); other {
			file = "other"
		}
		if got := reflect.TypeOf(o).String(); got != made[file] {
			t.Errorf("%s is decoded as %s, its schema is made from %q", name, got, made[file])
		}
	}
}
