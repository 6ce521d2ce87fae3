package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestMain(m *testing.M) {
	if isReconcile() { // the demo has started this program once more
		serveReconcile()
	}
	os.Exit(m.Run())
}

// TestDemo runs the demo with a small batch. Every check must be ok, and the
// README's sample must show checks of it.
func TestDemo(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the demo, which takes twenty seconds; run without -short")
	}
	out, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	d := &demo{screen: newScreen(out), requests: 300}
	defer d.close()
	err = d.run(t.Context())
	d.screen.table()
	if text, _ := os.ReadFile(out.Name()); err != nil || d.screen.failed > 0 {
		t.Fatalf("%v; %d checks went wrong:\n%s", err, d.screen.failed, text)
	}

	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, sample, _ := strings.Cut(string(readme), "\n"+strings.Repeat("-", 78)+"\n")
	sample, rest, _ := strings.Cut(sample, "\n\n")
	shown := 0
	for line := range strings.Lines(sample) {
		columns := regexp.MustCompile(`\s{2,}`).Split(strings.TrimSpace(line), -1)
		if columns[0] == "[...]" {
			continue
		}
		shown++
		if !slices.ContainsFunc(d.screen.rows, func(r row) bool { return r.what == columns[0] }) {
			t.Errorf("README.md shows the check %q, which the demo does not make", columns[0])
		}
	}
	if shown < 5 {
		t.Errorf("README.md shows %d checks of the demo, want some", shown)
	}
	if claim := fmt.Sprintf("all %d as the contract says, in ", len(d.screen.rows)); !strings.HasPrefix(rest, claim) {
		t.Errorf("the sample in README.md does not end with %q", claim)
	}
}
