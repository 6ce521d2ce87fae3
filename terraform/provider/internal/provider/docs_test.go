package provider

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"example.com/gemini-webhook/internal/buildtest/gendoc"
)

const module = "../.." // the provider's module, from this package

// TestDocs generates the pages in the layout of tfplugindocs, and fails where
// those in docs/ are others, or something in them is not described.
func TestDocs(t *testing.T) {
	t.Parallel()
	server := providerserver.NewProtocol6(New(Options{})())()
	schemas, err := server.GetProviderSchema(t.Context(), &tfprotov6.GetProviderSchemaRequest{})
	must(t, err)
	pages := map[string]string{"index.md": providerPage(t, schemas.Provider)}
	for name, schema := range schemas.ResourceSchemas {
		pages["resources/"+strings.TrimPrefix(name, "gemini_")+".md"] = resourcePage(t, name, schema)
	}
	for name, want := range pages {
		gendoc.File(t, "docs/"+name, want)
	}
	docs := filepath.Join(module, "docs")
	must(t, filepath.WalkDir(docs, func(path string, entry os.DirEntry, err error) error {
		if name, _ := filepath.Rel(docs, path); err == nil && !entry.IsDir() && pages[filepath.ToSlash(name)] == "" {
			t.Errorf("docs/%s is of nothing that the provider has", name)
		}
		return err
	}))
}

func providerPage(t *testing.T, schema *tfprotov6.Schema) string {
	var page bytes.Buffer
	head(t, &page, "gemini Provider", "gemini Provider", schema)
	fmt.Fprintf(&page, "\n## Example Usage\n\n```terraform\n%s```\n\n%s", file(t, "examples/provider/provider.tf"), file(t, "templates/installation.md"))
	attributesOf(t, &page, schema)
	return page.String()
}

func resourcePage(t *testing.T, name string, schema *tfprotov6.Schema) string {
	var page bytes.Buffer
	folder := "examples/resources/" + name + "/"
	head(t, &page, name+" Resource - gemini", name+" (Resource)", schema)
	fmt.Fprintf(&page, "\n## Example Usage\n\n```terraform\n%s```\n", file(t, folder+"resource.tf"))
	attributesOf(t, &page, schema)
	if _, err := os.Stat(filepath.Join(module, folder+"import.sh")); err == nil {
		fmt.Fprintf(&page, "\n## Import\n\n```shell\n%s```\n", file(t, folder+"import.sh"))
	}
	return page.String()
}

func file(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(module, name))
	must(t, err)
	return string(text)
}

func head(t *testing.T, page *bytes.Buffer, title, heading string, schema *tfprotov6.Schema) {
	if schema.Block.Description == "" {
		t.Errorf("%s is not described", heading)
	}
	short, _, _ := strings.Cut(schema.Block.Description, "\n")
	fmt.Fprintf(page, "---\npage_title: %q\nsubcategory: \"\"\ndescription: |-\n  %s\n---\n\n", title, short)
	fmt.Fprintf(page, "<!-- Generated from the schema, the examples and the templates; go test ./internal/provider -run TestDocs -update -->\n\n")
	fmt.Fprintf(page, "# %s\n\n%s\n", heading, schema.Block.Description)
}

// attributesOf lists the attributes by who sets them.
func attributesOf(t *testing.T, page *bytes.Buffer, schema *tfprotov6.Schema) {
	fmt.Fprint(page, "\n## Schema\n")
	var nested []*tfprotov6.SchemaAttribute
	for _, group := range []struct {
		heading string
		has     func(*tfprotov6.SchemaAttribute) bool
	}{
		{"Required", func(a *tfprotov6.SchemaAttribute) bool { return a.Required }},
		{"Optional", func(a *tfprotov6.SchemaAttribute) bool { return a.Optional }},
		{"Read-Only", func(a *tfprotov6.SchemaAttribute) bool { return a.Computed && !a.Optional }},
	} {
		started := false
		for _, a := range schema.Block.Attributes {
			if !group.has(a) {
				continue
			}
			if !started {
				fmt.Fprintf(page, "\n### %s\n\n", group.heading)
				started = true
			}
			line(t, page, a)
			if a.NestedType != nil {
				nested = append(nested, a)
			}
		}
	}
	for _, a := range nested {
		fmt.Fprintf(page, "\n<a id=\"nestedatt--%s\"></a>\n### Nested Schema for `%s`\n\n", a.Name, a.Name)
		for _, inner := range a.NestedType.Attributes {
			line(t, page, inner)
		}
	}
}

func line(t *testing.T, page *bytes.Buffer, a *tfprotov6.SchemaAttribute) {
	kind, more := typeName(a), ""
	if kind == "" || a.Description == "" {
		t.Errorf("%s is not described", a.Name)
	}
	if a.Sensitive {
		kind += ", Sensitive"
	}
	if a.NestedType != nil {
		more = fmt.Sprintf(" (see [below for nested schema](#nestedatt--%s))", a.Name)
	}
	fmt.Fprintf(page, "- `%s` (%s) %s%s\n", a.Name, kind, a.Description, more)
}

func typeName(a *tfprotov6.SchemaAttribute) string {
	if a.NestedType != nil {
		return "Attributes List"
	}
	switch t := a.Type.(type) {
	case tftypes.Set:
		return "Set of String"
	case tftypes.Map:
		return "Map of String"
	default:
		return map[bool]string{t.Is(tftypes.String): "String", t.Is(tftypes.Bool): "Boolean", t.Is(tftypes.Number): "Number"}[true]
	}
}
