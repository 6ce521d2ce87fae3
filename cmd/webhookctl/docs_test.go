package main

import (
	"cmp"
	"fmt"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"example.com/gemini-webhook/internal/buildtest/gendoc"
)

// TestDocumentation makes docs/webhookctl.md of what --help prints.
func TestDocumentation(t *testing.T) {
	parser, err := newParser(t.Context(), streams{})
	must(t, err)
	var doc strings.Builder
	doc.WriteString(`<!-- generated: go test ./cmd/webhookctl -run TestDocumentation -update -->
# webhookctl

The operator's and the developer's tool, run as ` + "`go run ./cmd/webhookctl`" + `. It acts with the rights of whoever runs it (Application Default Credentials), and uses emulators where the environment names them.
Whatever is printed for scripts goes to standard output, all else to standard error. Every flag may be given by the environment variable beside it.

`)
	block(&doc, codesHelp)
	fmt.Fprintf(&doc, "\nOf `webhook …`, `token …`, `dynamic-uri` and `doctor`:\n\n")
	block(&doc, olderCodesHelp)
	block(&doc, webhookHelp)
	for _, command := range parser.Model.Leaves(false) {
		fmt.Fprintf(&doc, "\n## webhookctl %s\n\n%s\n\n", command.Path(), command.Help)
		detail := strings.NewReplacer(codesHelp+"\n\n", "", codesHelp, "", olderCodesHelp+"\n\n", "", olderCodesHelp, "", webhookHelp, "").Replace(command.Detail)
		if detail = strings.TrimSpace(detail); detail != "" {
			block(&doc, detail)
			doc.WriteString("\n")
		}
		if command.Path() == "dev" {
			doc.WriteString("![Deliveries, the newest first, with verdicts and counts](images/console-list.png)\n\n![A batch's delivery in the dark: its checks, plan, ranges and lines](images/console-batch.png)\n\n")
		}
		doc.WriteString("| flag | environment | default | meaning |\n|---|---|---|---|\n")
		for _, argument := range command.Positional {
			value := ""
			if argument.Required {
				value = "required"
			}
			fmt.Fprintf(&doc, "| `%s` |  | %s | %s |\n", argument.Tag.PlaceHolder, value, argument.Help)
		}
		for _, flags := range command.AllFlags(false) {
			for _, flag := range flags {
				if flag.Name != "help" && flag.Name != "version" {
					doc.WriteString(row(flag))
				}
			}
		}
	}
	gendoc.File(t, "docs/webhookctl.md", doc.String())
}

func block(doc *strings.Builder, text string) { fmt.Fprintf(doc, "```text\n%s\n```\n", text) }

func row(flag *kong.Flag) string {
	name, env, value := "`--"+flag.Name+"`", "", ""
	if !flag.IsBool() {
		name = fmt.Sprintf("`--%s=%s`", flag.Name, cmp.Or(flag.PlaceHolder, strings.ToUpper(flag.Name)))
	}
	if len(flag.Envs) > 0 {
		env = "`" + strings.Join(flag.Envs, "`, `") + "`"
	}
	switch {
	case flag.Required:
		value = "required"
	case flag.HasDefault:
		value = "`" + strings.ReplaceAll(flag.Default, ",", ", ") + "`"
	}
	return fmt.Sprintf("| %s | %s | %s | %s |\n", name, env, value, strings.ReplaceAll(flag.Help, "|", "\\|"))
}
