package buildtest

import (
	"regexp"
	"strings"
	"testing"
)

// anArgument stands among a command's flags if it takes arguments.
const anArgument = "an argument"

// webhookctlFlags are the flags of each command of webhookctl, from the document
// that is made of its code.
func webhookctlFlags(t *testing.T) map[string]map[string]bool {
	t.Helper()
	commands, command := map[string]map[string]bool{}, ""
	for line := range strings.Lines(readFile(t, "docs/webhookctl.md")) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "## webhookctl "); ok {
			command = name
			commands[command] = map[string]bool{"help": true, "version": true}
		}
		if flag := regexp.MustCompile("^\\| `--([a-z-]+)").FindStringSubmatch(line); flag != nil {
			commands[command][flag[1]] = true
		}
		if argument := regexp.MustCompile("^\\| `[A-Z]+").FindString(line); argument != "" {
			commands[command][anArgument] = true
		}
	}
	return commands
}

// TestWebhookctlKnowsCommands: documents and scripts use commands and flags that
// webhookctl has.
func TestWebhookctlKnowsCommands(t *testing.T) {
	t.Parallel()
	commands := webhookctlFlags(t)
	count := 0
	check := func(where string, all [][]string) {
		for _, words := range all {
			count++
			if problem := misused(commands, words); problem != "" {
				t.Errorf("%s: webhookctl %s: %s", where, strings.Join(words, " "), problem)
			}
		}
	}
	for file, text := range filesOf(t, ".md") {
		for _, first := range [][]string{{"webhookctl"}, {"go", "run", "./cmd/webhookctl"}} {
			whole, named := documentedCommands(text, first...)
			check(file, whole)
			check(file, named)
		}
	}
	for _, path := range []string{deployScript, destroyScript} {
		printed := dryRun(t, path, variants["everything"]...)
		printed = strings.NewReplacer("\n# go run", "\ngo run", "\\\n# ", "\\\n").Replace(printed)
		for _, words := range shellCommands(printed) {
			if len(words) > 3 && words[2] == "./cmd/webhookctl" && words[1] == "run" {
				check(path, [][]string{words[3:]})
			}
		}
	}
	if count < 15 {
		t.Errorf("%d commands were found", count)
	}
	for _, wrong := range []string{"webhook make", "webhook create --force", "token create --label=x", "--json=1", "dlq list x", "dlq drop x --all"} {
		if misused(commands, strings.Fields(wrong)) == "" {
			t.Errorf("webhookctl %s passes for right", wrong)
		}
	}
}

// misused says what is wrong with a command line. It may end early: a document
// may name a group of commands.
func misused(commands map[string]map[string]bool, words []string) string {
	command, flags := "", map[string]bool{"help": true, "version": true}
	for i, word := range words {
		if name, isFlag := strings.CutPrefix(word, "--"); isFlag {
			if name, _, _ = strings.Cut(name, "="); !flags[name] {
				return "there is no flag --" + name
			}
			continue
		}
		if i > 0 && strings.HasPrefix(words[i-1], "--") {
			continue // may be its value
		}
		if flags[anArgument] {
			continue
		}
		command = strings.TrimSpace(command + " " + word)
		known := false
		for name := range commands {
			known = known || name == command || strings.HasPrefix(name, command+" ")
		}
		if !known {
			return "there is no such command"
		}
		if commands[command] != nil {
			flags = commands[command]
		}
	}
	return ""
}
