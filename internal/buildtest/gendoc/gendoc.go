// Package gendoc keeps the parts of the documents that are made from the code:
// a test makes the text, and Section or File compares it with what is there, or
// writes it there when the test is run with -update.
package gendoc

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write what the documents have from the code anew")

// Section wants the part of a document between "<!-- name: … -->" and
// "<!-- /name -->" to be want. Documents are named from the module's root.
func Section(t testing.TB, document, name, want string) {
	t.Helper()
	text := read(t, document)
	before, rest, found := strings.Cut(text, "<!-- "+name+": ")
	command, rest, _ := strings.Cut(rest, " -->\n")
	_, after, ends := strings.Cut(rest, "<!-- /"+name+" -->")
	if !found || !ends {
		t.Fatalf("%s has no part <!-- %s: … --> … <!-- /%s -->", document, name, name)
	}
	File(t, document, before+"<!-- "+name+": "+command+" -->\n"+want+"<!-- /"+name+" -->"+after)
}

// File wants a whole document to be want.
func File(t testing.TB, document, want string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path(t, document), []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(read(t, document), want); diff != "" {
		t.Errorf("%s is not what the code says; run this test with -update (-document +code):\n%s", document, diff)
	}
}

func read(t testing.TB, document string) string {
	t.Helper()
	text, err := os.ReadFile(path(t, document))
	if err != nil && !*update {
		t.Fatal(err)
	}
	return string(text)
}

// path is a document's, of the module that the test is in.
func path(t testing.TB, document string) string {
	t.Helper()
	mod, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(filepath.Dir(string(bytes.TrimSpace(mod))), document)
}
