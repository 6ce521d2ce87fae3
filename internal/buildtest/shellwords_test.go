package buildtest

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// shellCommands lists the simple commands of a shell script in the order in
// which they end, those in $(…) too, each as its words without redirections,
// leading assignments and keywords. Variables stay as they are written, and a
// $(…) stays as "$()". It knows what scripts and documents here use: no
// functions' bodies are run, no backquotes, no arrays.
func shellCommands(script string) [][]string {
	s := shell{text: script}
	s.list(false)
	return s.found
}

type shell struct {
	text  string
	at    int
	found [][]string
}

func (s *shell) peek(prefix string) bool { return strings.HasPrefix(s.text[s.at:], prefix) }

// list reads commands up to the end, or up to the ) of a substitution.
func (s *shell) list(nested bool) {
	var words []string
	end := func() {
		if command := simple(words); len(command) > 0 {
			s.found = append(s.found, command)
		}
		words = nil
	}
	for s.at < len(s.text) {
		switch c := s.text[s.at]; {
		case s.peek("\\\n"):
			s.at += 2
		case c == ' ' || c == '\t':
			s.at++
		case c == '#':
			s.skipLine()
		case c == ')' && nested:
			s.at++
			end()
			return
		case strings.IndexByte("\n;|&()", c) >= 0:
			s.at++
			end()
		case c == '<' || c == '>':
			if n := len(words); n > 0 && s.text[s.at-1] != ' ' && strings.Trim(words[n-1], "0123456789") == "" {
				words = words[:n-1] // the 2 of 2>
			}
			s.redirection()
		default:
			words = append(words, s.word())
		}
	}
	end()
}

func (s *shell) skipLine() {
	for s.at < len(s.text) && s.text[s.at] != '\n' {
		s.at++
	}
}

// redirection skips the operator and where to; of a here-document, all of it.
func (s *shell) redirection() {
	start := s.at
	for s.at < len(s.text) && strings.IndexByte("<>&-", s.text[s.at]) >= 0 {
		s.at++
	}
	operator := s.text[start:s.at]
	if strings.HasSuffix(operator, ">&-") || strings.HasSuffix(operator, "(") {
		return
	}
	for s.peek(" ") {
		s.at++
	}
	to := s.word()
	if strings.HasPrefix(operator, "<<") {
		s.skipLine()
		if _, rest, ok := strings.Cut(s.text[s.at:], "\n"+to+"\n"); ok {
			s.at = len(s.text) - len(rest) - 1 // the line's end ends the command
		}
	}
}

// word reads a word and takes its quotes off.
func (s *shell) word() string {
	var w strings.Builder
	for s.at < len(s.text) {
		switch c := s.text[s.at]; {
		case c == '\'':
			body, _, _ := strings.Cut(s.text[s.at+1:], "'")
			w.WriteString(body)
			s.at += len(body) + 2
		case c == '"':
			s.at++
			s.double(&w)
		case s.peek("$("):
			s.substitution(&w)
		case s.peek("${"):
			body, _, _ := strings.Cut(s.text[s.at:], "}")
			w.WriteString(body + "}")
			s.at += len(body) + 1
		case c == '\\' && s.at+1 < len(s.text):
			if s.text[s.at+1] != '\n' {
				w.WriteByte(s.text[s.at+1])
			}
			s.at += 2
		case strings.IndexByte(" \t\n;|&()<>", c) >= 0:
			return w.String()
		default:
			w.WriteByte(c)
			s.at++
		}
	}
	return w.String()
}

// double reads what is between double quotes.
func (s *shell) double(w *strings.Builder) {
	for s.at < len(s.text) && s.text[s.at] != '"' {
		switch {
		case s.peek("$("):
			s.substitution(w)
			continue
		case s.text[s.at] == '\\' && s.at+1 < len(s.text) && strings.IndexByte("\"\\$`\n", s.text[s.at+1]) >= 0:
			s.at++
		}
		w.WriteByte(s.text[s.at])
		s.at++
	}
	s.at++
}

func (s *shell) substitution(w *strings.Builder) {
	s.at += 2
	if s.peek("(") { // arithmetic
		_, rest, _ := strings.Cut(s.text[s.at:], "))")
		s.at = len(s.text) - len(rest)
	} else {
		s.list(true)
	}
	w.WriteString("$()")
}

// simple takes keywords and assignments from the front.
func simple(words []string) []string {
	for len(words) > 0 {
		name, _, assigned := strings.Cut(words[0], "=")
		keyword := slices.Contains([]string{"if", "then", "elif", "else", "fi", "while", "until", "do", "done", "!", "{", "}", "time", "export", "test"}, words[0])
		if !keyword && (!assigned || strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+") != "") {
			return words
		}
		words = words[1:]
	}
	return nil
}

func TestShellCommands(t *testing.T) {
	t.Parallel()
	const script = `#!/bin/sh
# gcloud in a comment
A=$(gcloud projects describe "p q" --format='value(x)') # and behind
if gcloud a describe >/dev/null 2>&1; then
  gcloud a "--filter=x = \"y\"" \
    --b
fi
gcloud c ||
  FOO=bar gcloud d --e=$((1 + 2)) "$(gcloud f "$(gcloud g)")" <<EOF
gcloud in a here-document
EOF
curl -H "X: $(gcloud h)" | jq '.[] | gcloud' && export Z=1; gcloud i 2>x ${y:-z}`
	want := [][]string{
		{"gcloud", "projects", "describe", "p q", "--format=value(x)"},
		{"gcloud", "a", "describe"},
		{"gcloud", "a", `--filter=x = "y"`, "--b"},
		{"gcloud", "c"},
		{"gcloud", "g"},
		{"gcloud", "f", "$()"},
		{"gcloud", "d", "--e=$()", "$()"},
		{"gcloud", "h"},
		{"curl", "-H", "X: $()"},
		{"jq", ".[] | gcloud"},
		{"gcloud", "i", "${y:-z}"},
	}
	if diff := cmp.Diff(want, shellCommands(script)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
