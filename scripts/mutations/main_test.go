package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const root = "../.."

func model(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "docs/security-model.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// A mutation that no longer applies takes nothing out.
func TestEveryMutationApplies(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	for _, m := range all() {
		if names[m.name] {
			t.Errorf("%s is there twice", m.name)
		}
		names[m.name] = true
		if _, err := m.mutated(root); err != nil {
			t.Errorf("%s: %v", m.name, err)
		}
		if _, _, test := m.testOf(); !strings.Contains(model(t), "`"+test+"`") {
			t.Errorf("%s: docs/security-model.md does not name %s", m.name, test)
		}
	}
}

// notHere are the checks that no mutation takes out, and why.
var notHere = map[string]string{
	"what Terraform keeps": "what the provider's schema lacks cannot be taken out of it",
}

// A check in the model that nothing takes out may be one that no test needs.
func TestEveryCheckIsTakenOut(t *testing.T) {
	t.Parallel()
	_, section, _ := strings.Cut(model(t), "\n## Checks\n")
	section, _, _ = strings.Cut(section, "\n## ")
	rows := 0
	for line := range strings.Lines(section) {
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| check |") {
			continue
		}
		rows++
		check, _, _ := strings.Cut(line[2:], " | ")
		taken := false
		for _, m := range all() {
			_, _, test := m.testOf()
			taken = taken || strings.Contains(line, "`"+test+"`")
		}
		if (notHere[check] != "") == taken {
			t.Errorf("the check %q is taken out: %v, and why not: %q", check, taken, notHere[check])
		}
	}
	if rows < 30 {
		t.Errorf("%d checks are in the model", rows)
	}
}
