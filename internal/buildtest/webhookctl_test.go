package buildtest

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// field is a field of webhookctl's command structs: its name and its tag.
var field = regexp.MustCompile("(?m)^\t([A-Z][A-Za-z]*)\\s+[^\\s`]+\\s+`([^`]*(?:help|cmd|name|required|default)[^`]*)`")

var (
	nameTag  = regexp.MustCompile(`name:"([^"]+)"`)
	wordEdge = regexp.MustCompile(`([a-z])([A-Z])`)
)

// webhookctlNames are the commands and flags of webhookctl, from its source. It
// does not tell which flag belongs to which command.
func webhookctlNames(t *testing.T) (commands, flags map[string]bool) {
	t.Helper()
	commands, flags = map[string]bool{}, map[string]bool{"help": true, "version": true}
	files, err := filepath.Glob(filepath.Join(moduleRoot(t), "cmd/webhookctl/*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		for _, m := range field.FindAllStringSubmatch(readFile(t, "cmd/webhookctl/"+filepath.Base(file)), -1) {
			name := strings.ToLower(wordEdge.ReplaceAllString(m[1], "$1-$2"))
			if tag := nameTag.FindStringSubmatch(m[2]); tag != nil {
				name = tag[1]
			}
			if strings.Contains(m[2], `cmd:""`) {
				commands[name] = true
			} else {
				flags[name] = true
			}
		}
	}
	return commands, flags
}

// TestWebhookctlKnowsCommands: documents and scripts use commands and flags that
// webhookctl has.
func TestWebhookctlKnowsCommands(t *testing.T) {
	t.Parallel()
	commands, flags := webhookctlNames(t)
	for _, known := range []string{"webhook", "create", "doctor", "dynamic-uri", "token", "rotate"} {
		if !commands[known] {
			t.Fatalf("the command %s was not found in the source: %v", known, commands)
		}
	}
	count := 0
	check := func(where string, all [][]string) {
		for _, words := range all {
			count++
			options := false
			for _, word := range words {
				name, isFlag := strings.CutPrefix(word, "--")
				name, _, _ = strings.Cut(name, "=")
				switch {
				case isFlag && !flags[name]:
					t.Errorf("%s: webhookctl %s: there is no flag --%s", where, strings.Join(words, " "), name)
				case !isFlag && !options && !commands[word]:
					t.Errorf("%s: webhookctl %s: there is no command %s", where, strings.Join(words, " "), word)
				}
				options = options || isFlag // what follows may be a flag's value
			}
		}
	}
	for _, file := range markdownFiles(t) {
		for _, first := range [][]string{{"webhookctl"}, {"go", "run", "./cmd/webhookctl"}} {
			whole, named := documentedCommands(readFile(t, file), first...)
			check(file, whole)
			check(file, named)
		}
	}
	for _, path := range []string{deployScript, destroyScript} {
		printed := dryRun(t, path, variants["everything"]...)
		for _, words := range shellCommands(strings.ReplaceAll(printed, "\n# go run", "\ngo run")) {
			if len(words) > 3 && words[2] == "./cmd/webhookctl" && words[1] == "run" {
				check(path, [][]string{words[3:]})
			}
		}
	}
	if count < 15 {
		t.Errorf("%d commands were found", count)
	}
}
