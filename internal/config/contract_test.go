package config

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/sethvargo/go-envconfig"

	"example.com/gemini-webhook/internal/buildtest/gendoc"
)

// TestContract makes the contract's table of the environment.
func TestContract(t *testing.T) {
	t.Parallel()
	always, tasks := requiredWith(t, DoorsPublic), requiredWith(t, DoorsTasks)
	reconcile := requiredIn(t, LoadReconcile, nil)
	var table strings.Builder
	table.WriteString("| variable | default | needed by | meaning |\n|---|---|---|---|\n")
	for _, field := range environmentFields(t) {
		tag := reflect.StructTag(field.tag)
		name, value, _ := strings.Cut(tag.Get("env"), ", default=")
		door := tag.Get("door")
		switch {
		case value != "":
			value = "`" + value + "`"
		case slices.Contains(always, name):
			value, door = "required", must(t, name, door, "all")
		case slices.Contains(tasks, name) && slices.Contains(reconcile, name):
			value, door = "required", must(t, name, door, "tasks, Reconcile")
		case slices.Contains(tasks, name):
			value, door = "required", must(t, name, door, "tasks")
		}
		fmt.Fprintf(&table, "| `%s` | %s | %s | %s |\n", name, value, door, field.comment)
	}
	gendoc.Section(t, "docs/contract.md", "environment", table.String())
}

// must wants the door that a variable's tag names to be the one that refuses to
// open without it.
func must(t *testing.T, name, tagged, want string) string {
	t.Helper()
	if tagged != want {
		t.Errorf("%s has the tag door:%q, but %q needs it", name, tagged, want)
	}
	return want
}

// requiredWith are the variables that an environment with nothing but DOORS lacks.
func requiredWith(t *testing.T, doors Doors) []string {
	t.Helper()
	return requiredIn(t, Load, map[string]string{"DOORS": string(doors)})
}

func requiredIn(t *testing.T, load func(context.Context, envconfig.Lookuper) (*Config, error), env map[string]string) []string {
	t.Helper()
	_, err := load(t.Context(), envconfig.MapLookuper(env))
	problems, ok := errors.AsType[*Error](err)
	if !ok {
		t.Fatalf("loaded with %v alone: %v", env, err)
	}
	var names []string
	for _, p := range problems.Problems {
		names = append(names, p.Variable)
	}
	return names
}

type environmentField struct{ tag, comment string }

// environmentFields are the fields of type environment in their order.
func environmentFields(t *testing.T) (fields []environmentField) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "environment.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		f, ok := n.(*ast.Field)
		if !ok || f.Tag == nil {
			return true
		}
		tag, err := strconv.Unquote(f.Tag.Value)
		if err != nil {
			t.Error(err)
		}
		comment := strings.Join(strings.Fields(f.Doc.Text()), " ")
		if comment == "" {
			t.Errorf("%s has no comment", tag)
		}
		fields = append(fields, environmentField{tag, comment})
		return true
	})
	if len(fields) != reflect.TypeFor[environment]().NumField() {
		t.Errorf("%d fields were found, want %d", len(fields), reflect.TypeFor[environment]().NumField())
	}
	return fields
}
