// Mutations takes each check of docs/security-model.md out once and wants the
// test that the model names for it to fail: "make mutate".
//
// It leaves the working tree alone. The go command is given the changed file in
// the place of its own (-overlay); where the file is not Go, the test runs in a
// copy of the tree.
package main

import (
	_ "embed"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// mutation is one check that is taken out.
type mutation struct {
	name     string // what is wrong then
	file     string // relative to the root
	old, new string // of its text; old is there once
	test     string // "package TestName": who must notice
}

//go:embed list.txt
var list string

var unescaped = strings.NewReplacer(`\n`, "\n", `\t`, "\t")

// all reads the list.
func all() (mutations []mutation) {
	var file, test string
	for line := range strings.Lines(list) {
		line = strings.TrimSuffix(line, "\n")
		entry, indented := strings.CutPrefix(line, "  ")
		switch {
		case indented:
			name, change, _ := strings.Cut(unescaped.Replace(entry), ": ")
			before, after, _ := strings.Cut(change, " ==>")
			mutations = append(mutations, mutation{name, file, before, strings.TrimPrefix(after, " "), test})
		case !strings.HasPrefix(line, "#"):
			file, test, _ = strings.Cut(line, ", ")
		}
	}
	return mutations
}

// testOf gives the folder of the test's module, its package and its name.
func (m mutation) testOf() (module, pkg, test string) {
	pkg, test, _ = strings.Cut(m.test, " ")
	module = "."
	if rest, ok := strings.CutPrefix(pkg, "terraform/provider/"); ok {
		module, pkg = "terraform/provider", rest
	}
	return module, "./" + pkg, test
}

// mutated gives the file's text with the check taken out.
func (m mutation) mutated(root string) (string, error) {
	text, err := os.ReadFile(filepath.Join(root, m.file))
	if err != nil {
		return "", err
	}
	if n := strings.Count(string(text), m.old); n != 1 || m.old == m.new {
		return "", fmt.Errorf("it no longer applies: %s has its old text %d times, want 1", m.file, n)
	}
	return strings.Replace(string(text), m.old, m.new, 1), nil
}

// testTimeout is for a test that waits for ever without its check.
const testTimeout = "90s"

func main() {
	pattern := flag.String("run", "", "regular expression of the mutations' names; all where empty")
	flag.Parse()
	chosen, err := regexp.Compile(*pattern)
	if err != nil {
		fail(err)
	}
	root, err := filepath.Abs(".")
	if err != nil {
		fail(err)
	}
	count := map[string]int{}
	passes := map[string]error{} // tests without any mutation
	for _, m := range all() {
		if !chosen.MatchString(m.name) {
			continue
		}
		start := time.Now()
		verdict, why := judge(root, m, passes)
		count[verdict]++
		fmt.Printf("%-9s %-44s %s%s (%.0f s)\n", verdict, m.name, m.test, why, time.Since(start).Seconds())
	}
	fmt.Printf("\n%d killed, %d survived, %d noticed by other tests alone, %d skipped, %d that cannot be tried\n",
		count[killed], count[survived], count[elsewhere], count[skipped], count[broken])
	if count[killed] == 0 || count[survived]+count[elsewhere]+count[broken] > 0 {
		os.Exit(1)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "mutations:", err)
	os.Exit(1)
}

// What becomes of a mutation.
const (
	killed    = "killed"
	survived  = "SURVIVED"
	elsewhere = "ELSEWHERE" // the package's tests fail, but not the named one
	skipped   = "skipped"   // the named test wants what is not here
	broken    = "BROKEN"    // it does not apply, or build, or the test fails without it
)

func judge(root string, m mutation, passes map[string]error) (verdict, why string) {
	text, err := m.mutated(root)
	if err != nil {
		return broken, ": " + err.Error()
	}
	if _, known := passes[m.test]; !known {
		passes[m.test] = untouched(root, m)
	}
	if err := passes[m.test]; err != nil {
		if errors.Is(err, errSkipped) {
			return skipped, ""
		}
		return broken, ": " + err.Error()
	}
	dir, err := os.MkdirTemp("", "mutation-")
	if err != nil {
		return broken, ": " + err.Error()
	}
	defer os.RemoveAll(dir)
	tree, flag, err := prepare(root, dir, m, text)
	if err != nil {
		return broken, ": " + err.Error()
	}
	_, _, test := m.testOf()
	switch out, ok := run(tree, m, flag, test); {
	case unbuilt.MatchString(out):
		return broken, ": it does not build:\n" + out
	case !ok:
		return killed, ""
	}
	out, ok := run(tree, m, flag, "")
	if ok {
		return survived, ""
	}
	return elsewhere, ": but " + strings.Join(failed(out), ", ")
}

var (
	errSkipped = errors.New("skipped")
	unbuilt    = regexp.MustCompile(`\[(build|setup) failed\]`)
	failing    = regexp.MustCompile(`(?m)^--- FAIL: (\w+)`)
)

// failed lists the tests that failed.
func failed(out string) []string {
	names := []string{}
	for _, match := range failing.FindAllStringSubmatch(out, -1) {
		names = append(names, match[1])
	}
	return slices.Compact(names)
}

// untouched runs the named test without the mutation.
func untouched(root string, m mutation) error {
	_, _, test := m.testOf()
	out, ok := run(root, m, "", test)
	switch {
	case !ok:
		return fmt.Errorf("the test fails without it:\n%s", out)
	case strings.Contains(out, "\n--- SKIP: "+test+" "):
		return errSkipped
	case !strings.Contains(out, "--- PASS: "+test+" "):
		return errors.New("there is no such test")
	}
	return nil
}

// run runs one test of the mutation's package, or all where test is empty.
func run(tree string, m mutation, flag, test string) (out string, ok bool) {
	module, pkg, _ := m.testOf()
	args := []string{"test", "-v", "-vet=off", "-timeout=" + testTimeout}
	if test != "" {
		args = append(args, "-run=^"+test+"$")
	}
	cmd := exec.Command("go", append(args, pkg)...)
	cmd.Dir = filepath.Join(tree, module)
	// By the environment: some tests build what they run.
	cmd.Env = append(os.Environ(), strings.TrimSpace("GOFLAGS="+os.Getenv("GOFLAGS")+" "+flag))
	text, err := cmd.CombinedOutput()
	return "\n" + string(text), err == nil
}

// prepare puts the mutated file where a test finds it: the tree that it runs in,
// and the flag that the go command gets.
func prepare(root, dir string, m mutation, text string) (tree, flag string, err error) {
	if filepath.Ext(m.file) != ".go" {
		if err := copyTree(root, dir); err != nil {
			return "", "", err
		}
		return dir, "", os.WriteFile(filepath.Join(dir, m.file), []byte(text), 0o600)
	}
	changed, overlay := filepath.Join(dir, filepath.Base(m.file)), filepath.Join(dir, "overlay.json")
	replace := map[string]map[string]string{"Replace": {filepath.Join(root, m.file): changed}}
	data, err := json.Marshal(replace)
	if err != nil {
		return "", "", err
	}
	err = errors.Join(os.WriteFile(changed, []byte(text), 0o600), os.WriteFile(overlay, data, 0o600))
	return root, "-overlay=" + overlay, err
}

// copyTree copies what git knows of, or would if it were added.
func copyTree(root, dir string) error {
	list := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	list.Dir = root
	names, err := list.Output()
	if err != nil {
		return fmt.Errorf("git ls-files: %w", err)
	}
	for name := range strings.SplitSeq(strings.TrimSuffix(string(names), "\x00"), "\x00") {
		data, err := os.ReadFile(filepath.Join(root, name))
		if errors.Is(err, os.ErrNotExist) {
			continue // deleted, and git not told yet
		}
		to := filepath.Join(dir, name)
		if err := errors.Join(err, os.MkdirAll(filepath.Dir(to), 0o700), os.WriteFile(to, data, 0o700)); err != nil {
			return err
		}
	}
	return nil
}
