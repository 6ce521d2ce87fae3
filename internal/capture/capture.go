// Package capture reads a delivery that was captured: as it went over the wire, as
// the command line of curl that would send it, or as JSON as tools export it.
//
// What is captured may come from anybody. Nothing in it is run, no file that it names
// is read, and what would have to be guessed is an error that says what to give
// instead. It verifies nothing: see package verify.
package capture

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// MaxBytes is how long a capture may be: twice the largest body that the receiver
// takes, for its encoding.
const MaxBytes = 16 << 20

// Request is a delivery as far as the capture has it.
type Request struct {
	Method string
	Path   string // escaped, without the query
	Header http.Header
	Body   []byte
	Notes  []string // what had to be assumed, for people
}

// Parse reads a capture in any of the forms.
func Parse(text []byte) (Request, error) {
	if len(text) > MaxBytes {
		return Request{}, fmt.Errorf("the capture is over %d bytes", MaxBytes)
	}
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	start := bytes.TrimLeft(text, " \t\r\n")
	command := bytes.TrimPrefix(start, []byte("$ "))
	switch {
	case len(start) == 0:
		return Request{}, errors.New("the capture is empty")
	case start[0] == '{' || start[0] == '[':
		return parseJSON(start)
	case bytes.HasPrefix(command, []byte("curl ")) || bytes.HasPrefix(command, []byte("curl\t")):
		return parseCurl(string(command))
	}
	return parseHTTP(start)
}

// maxHeaders of a request; a server takes about as many.
const maxHeaders = 200

// parseHTTP reads a request as it is on the wire. Lines may end without CR, and
// "> ", which curl -v writes before the lines of the head, is cut off. All behind
// the empty line is the body.
func parseHTTP(text []byte) (Request, error) {
	line, rest := cutLine(text)
	dumped := strings.HasPrefix(line, "> ")
	parts := strings.Split(strings.TrimPrefix(line, "> "), " ")
	if len(parts) < 2 || len(parts) > 3 || !validMethod(parts[0]) || len(parts) == 3 && !strings.HasPrefix(parts[2], "HTTP/") {
		return Request{}, errors.New("this is no request: give HTTP text that begins with a line such as POST /path HTTP/1.1, a curl command line, or JSON with method, headers and body")
	}
	r := Request{Method: parts[0], Header: http.Header{}}
	if err := r.setTarget(parts[1]); err != nil {
		return r, err
	}
	for count := 0; ; count++ {
		if len(rest) == 0 {
			r.note("there is no empty line behind the headers: the body is taken as empty")
			return r, nil
		}
		if line, rest = cutLine(rest); dumped {
			line = strings.TrimPrefix(strings.TrimPrefix(line, ">"), " ")
		}
		if line == "" {
			break
		}
		if count == maxHeaders {
			return r, fmt.Errorf("there are over %d headers", maxHeaders)
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			return r, fmt.Errorf("line %d of the headers has no colon", count+1)
		}
		if err := r.add(name, value); err != nil {
			return r, err
		}
	}
	return r, r.readBody(rest)
}

// cutLine cuts the first line off, without its end.
func cutLine(text []byte) (line string, rest []byte) {
	before, rest, _ := bytes.Cut(text, []byte("\n"))
	return strings.TrimSuffix(string(before), "\r"), rest
}

// readBody takes what stands behind the head, as the head says.
func (r *Request) readBody(text []byte) error {
	r.Body = text
	if strings.EqualFold(r.Header.Get("Transfer-Encoding"), "chunked") {
		body, err := io.ReadAll(httputil.NewChunkedReader(bytes.NewReader(text)))
		if err == nil {
			r.Body = body
		} else {
			r.note("Transfer-Encoding is chunked, and the body is not: it is taken as it is")
		}
		return nil
	}
	text, length := r.Body, r.Header.Values("Content-Length")
	if len(length) != 1 {
		return nil
	}
	want, err := strconv.ParseUint(length[0], 10, 32)
	switch got := uint64(len(text)); {
	case err != nil:
		return errors.New("Content-Length is no number")
	case got < want:
		r.note(fmt.Sprintf("the body has %d bytes, and Content-Length says %d: the capture has lost some", got, want))
	case got > want && len(bytes.Trim(text[want:], "\r\n")) == 0:
		r.Body = text[:want]
		r.note("line ends behind the body are left out, as Content-Length says")
	case got > want:
		r.note(fmt.Sprintf("the body has %d bytes, and Content-Length says %d: something was added or changed", got, want))
	}
	return nil
}

func (r *Request) note(text string) { r.Notes = append(r.Notes, text) }

// setTarget takes the path of a request's target, or of a whole URL.
func (r *Request) setTarget(target string) error {
	u, err := url.Parse(target)
	if err != nil || u.Opaque != "" {
		return errors.New("the request's target is neither a path nor a URL") // it may hold a token
	}
	if r.Path = u.EscapedPath(); !strings.HasPrefix(r.Path, "/") {
		r.Path = "/" + r.Path
	}
	return nil
}

// add adds a header. Its value is what a server would read.
func (r *Request) add(name, value string) error {
	value = strings.Trim(value, " \t")
	switch {
	case !tokenForm.MatchString(name):
		return errors.New("a header has a name that is none")
	case strings.ContainsFunc(value, isControl):
		return fmt.Errorf("the header %s has a control character in it", strings.ToLower(name))
	}
	r.Header.Add(name, value)
	return nil
}

// tokenForm is what names of headers are (RFC 9110, section 5.6.2).
var tokenForm = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")

func isControl(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }

func validMethod(method string) bool {
	return tokenForm.MatchString(method) && method == strings.ToUpper(method)
}

// setText takes a body that the capture has as a text.
func (r *Request) setText(text string) {
	r.Body = []byte(text)
	if strings.ContainsRune(text, utf8.RuneError) {
		r.note("the body has U+FFFD: a tool that decoded it may have replaced bytes")
	}
}
