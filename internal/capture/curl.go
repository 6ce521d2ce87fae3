package capture

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"mvdan.cc/sh/v3/syntax"
)

// parseCurl reads a command line of curl as a shell does, as far as its words are
// written out: what the shell would fill in, or a file would, is not there.
func parseCurl(line string) (Request, error) {
	words, err := shellWords(line)
	if err != nil {
		return Request{}, err
	}
	c := curl{Request: Request{Header: http.Header{}}}
	for words = words[1:]; len(words) > 0; {
		if words, err = c.take(words); err != nil {
			return c.Request, err
		}
	}
	if c.url == "" {
		return c.Request, errors.New("the curl command has no URL")
	}
	if !strings.Contains(c.url, "://") {
		c.url = "http://" + c.url // as curl does
	}
	if err := c.setTarget(c.url); err != nil {
		return c.Request, err
	}
	if c.Method == "" {
		if c.Method = http.MethodGet; c.data != nil {
			c.Method = http.MethodPost
		}
	}
	if !validMethod(c.Method) {
		return c.Request, errors.New("the method is none")
	}
	c.setText(strings.Join(c.data, "&"))
	return c.Request, nil
}

// shellWords are the words of one simple command.
func shellWords(line string) ([]string, error) {
	file, err := syntax.NewParser().Parse(strings.NewReader(line), "")
	if err != nil {
		return nil, errors.New("the curl command cannot be read as a shell does: copy it whole, with its quotes")
	}
	var call *syntax.CallExpr
	if len(file.Stmts) == 1 {
		call, _ = file.Stmts[0].Cmd.(*syntax.CallExpr)
	}
	if call == nil || len(call.Assigns) > 0 || len(file.Stmts[0].Redirs) > 0 {
		return nil, errors.New("this is not one curl command: give it without pipes, redirections and variables")
	}
	var words []string
	for _, word := range call.Args {
		text, ok := written(word.Parts, false)
		if !ok {
			return nil, errors.New("the curl command has variables or commands in it: write out what they stand for")
		}
		words = append(words, text)
	}
	return words, nil
}

// written is a word that stands as it is, in quotes or without; false where the shell
// would fill something in.
func written(parts []syntax.WordPart, quoted bool) (text string, ok bool) {
	for i, part := range parts {
		switch part := part.(type) {
		case *syntax.Lit:
			if !quoted && i == 0 && strings.HasPrefix(part.Value, "~") {
				return "", false
			}
			text += unescape(part.Value, quoted)
		case *syntax.SglQuoted:
			if value := part.Value; part.Dollar {
				text += unescapeC(value)
			} else {
				text += value
			}
		case *syntax.DblQuoted:
			inner, ok := written(part.Parts, true)
			if !ok || part.Dollar {
				return "", false
			}
			text += inner
		default:
			return "", false
		}
	}
	return text, true
}

// unescape takes backslashes away as a shell does: in double quotes those before
// what means something there, else all.
func unescape(text string, quoted bool) string {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' && i+1 < len(text) && (!quoted || strings.IndexByte("$`\"\\\n", text[i+1]) >= 0) {
			if i++; text[i] == '\n' {
				continue
			}
		}
		b.WriteByte(text[i])
	}
	return b.String()
}

// cEscape is an escape in $'…' (Bash, "ANSI-C Quoting"), as browsers write them.
var cEscape = regexp.MustCompile(`(?s)\\(?:[0-7]{1,3}|x[0-9A-Fa-f]{1,2}|u[0-9A-Fa-f]{1,4}|U[0-9A-Fa-f]{1,8}|.)`)

var cLetters = map[byte]string{
	'a': "\a", 'b': "\b", 'e': "\x1b", 'E': "\x1b", 'f': "\f", 'n': "\n", 'r': "\r", 't': "\t", 'v': "\v",
	'\\': "\\", '\'': "'", '"': `"`, '?': "?",
}

func unescapeC(text string) string {
	return cEscape.ReplaceAllStringFunc(text, func(escape string) string {
		kind, digits, base := escape[1], escape[2:], 16
		if kind >= '0' && kind <= '7' {
			digits, base = escape[1:], 8
		} else if letter, ok := cLetters[kind]; ok {
			return letter
		}
		n, err := strconv.ParseUint(digits, base, 32)
		switch {
		case err != nil: // no escape
			return escape
		case kind == 'u' || kind == 'U':
			return string(rune(min(n, utf8.MaxRune+1)))
		}
		return string([]byte{byte(n)})
	})
}

// curl is a request that is being read.
type curl struct {
	Request
	url  string
	data []string
}

// Options of curl by what they mean here.
var (
	curlValues = map[string]string{
		"-X": "method", "--request": "method", "-H": "header", "--header": "header", "--url": "url",
		"-d": "data", "--data": "data", "--data-ascii": "data", "--data-binary": "data", "--data-raw": "raw", "--json": "json",
		"-o": "", "--output": "", "-m": "", "--max-time": "", "--connect-timeout": "", "-w": "", "--write-out": "", "--resolve": "",
	}
	curlSwitches = map[string]bool{
		"-i": true, "--include": true, "-v": true, "--verbose": true, "-s": true, "--silent": true, "-S": true, "--show-error": true,
		"-k": true, "--insecure": true, "-L": true, "--location": true, "-f": true, "--fail": true, "--compressed": true,
		"-g": true, "--globoff": true, "--http1.1": true, "--http2": true,
	}
)

// take takes the first word, with its value.
func (c *curl) take(words []string) (rest []string, err error) {
	word, rest := words[0], words[1:]
	if !strings.HasPrefix(word, "-") {
		if c.url != "" {
			return nil, errors.New("the curl command has two URLs")
		}
		c.url = word
		return rest, nil
	}
	name, value, given := word, "", false
	if strings.HasPrefix(word, "--") {
		name, value, given = strings.Cut(word, "=")
	} else if len(word) > 2 {
		name, value, given = word[:2], word[2:], true
	}
	meaning, takes := curlValues[name]
	switch {
	case takes && !given && len(rest) == 0:
		return nil, fmt.Errorf("curl's %s has no value", name)
	case takes && !given:
		return rest[1:], c.set(meaning, rest[0])
	case takes:
		return rest, c.set(meaning, value)
	case curlSwitches[word]:
		return rest, nil
	case curlSwitches[name] && given && !strings.HasPrefix(word, "--"): // -sS
		return append([]string{"-" + value}, rest...), nil
	}
	return nil, fmt.Errorf("curl's %.40q is not known here: leave it out, or give the request as HTTP text", name)
}

// set applies an option.
func (c *curl) set(meaning, value string) error {
	switch meaning {
	case "method":
		c.Method = value
	case "url":
		if c.url != "" {
			return errors.New("the curl command has two URLs")
		}
		c.url = value
	case "header":
		name, content, ok := strings.Cut(value, ":")
		if !ok {
			return errors.New("a header of the curl command has no colon")
		}
		return c.add(name, content)
	case "data", "json":
		if strings.HasPrefix(value, "@") {
			return errors.New("the body is in a file that the curl command names: write it out, or give the request as HTTP text")
		}
		c.data = append(c.data, value)
	case "raw":
		c.data = append(c.data, value)
	}
	return nil
}
