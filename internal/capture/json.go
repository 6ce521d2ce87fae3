package capture

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// members of a JSON object, by their names in lower case.
type members map[string]json.RawMessage

func membersOf(text []byte) (members, bool) {
	var all map[string]json.RawMessage
	if json.Unmarshal(text, &all) != nil || all == nil {
		return nil, false
	}
	m := members{}
	for name, value := range all {
		m[strings.ToLower(name)] = value
	}
	return m, true
}

// first is the first member of these names that is there and not null.
func (m members) first(names ...string) json.RawMessage {
	for _, name := range names {
		if value, ok := m[name]; ok && string(value) != "null" {
			return value
		}
	}
	return nil
}

// text is a member that is a text, "" where there is none.
func (m members) text(names ...string) (string, error) {
	value := m.first(names...)
	if value == nil {
		return "", nil
	}
	var text string
	if json.Unmarshal(value, &text) != nil {
		return "", fmt.Errorf("%s is no text", names[0])
	}
	return text, nil
}

// parseJSON reads a request as tools export it: an object with method, a path or a
// URL, headers, and the body as a text or in base64; the same as the member
// "request" of another one (docs/vectors.json), or as the one entry of a HAR file.
func parseJSON(text []byte) (Request, error) {
	m, ok := membersOf(text)
	if !ok {
		return Request{}, errors.New("the JSON is no object, or is broken")
	}
	m, err := m.request()
	if err != nil {
		return Request{}, err
	}
	r := Request{Header: http.Header{}}
	if r.Method, err = m.text("method", "httpmethod", "requestmethod"); err != nil {
		return r, err
	}
	if r.Method == "" {
		r.Method = http.MethodPost
		r.note("the method is not said: it is taken for POST")
	}
	if !validMethod(r.Method) {
		return r, errors.New("method is none")
	}
	target, err := m.text("path", "rawpath", "url", "uri", "requesturi")
	if err != nil {
		return r, err
	}
	if err := r.setTarget(target); err != nil {
		return r, err
	}
	if err := r.readHeaders(m.first("headers", "header")); err != nil {
		return r, err
	}
	return r, r.readText(m)
}

// request finds the object that is the request.
func (m members) request() (members, error) {
	if log, ok := membersOf(m.first("log")); ok { // HAR
		var entries []json.RawMessage
		if json.Unmarshal(log.first("entries"), &entries) != nil || len(entries) != 1 {
			return nil, fmt.Errorf("the HAR file has %d entries: export the one of the delivery", len(entries))
		}
		if m, ok = membersOf(entries[0]); !ok {
			return nil, errors.New("the entry of the HAR file is no object")
		}
	}
	if inner, ok := membersOf(m.first("request")); ok {
		return inner, nil
	}
	if m.first("headers", "header") == nil {
		return nil, errors.New("the JSON has no headers: give an object with method, path, headers and body")
	}
	return m, nil
}

// readHeaders takes headers as an object of texts or of lists of texts, as a list of
// pairs, or as a list of {name, value}.
func (r *Request) readHeaders(value json.RawMessage) error {
	var object map[string]json.RawMessage
	var pairs [][]string
	var named []struct{ Name, Value string }
	var all [][2]string
	switch {
	case json.Unmarshal(value, &object) == nil:
		for name, value := range object {
			var one string
			var several []string
			if json.Unmarshal(value, &one) == nil {
				several = []string{one}
			} else if json.Unmarshal(value, &several) != nil {
				return errors.New("a header's value is neither a text nor a list of texts")
			}
			for _, value := range several {
				all = append(all, [2]string{name, value})
			}
		}
	case json.Unmarshal(value, &pairs) == nil:
		for _, pair := range pairs {
			if len(pair) != 2 {
				return errors.New("a header is no pair of name and value")
			}
			all = append(all, [2]string(pair))
		}
	case json.Unmarshal(value, &named) == nil:
		for _, h := range named {
			all = append(all, [2]string{h.Name, h.Value})
		}
	default:
		return errors.New("headers are neither an object nor a list")
	}
	if len(all) > maxHeaders {
		return fmt.Errorf("there are over %d headers", maxHeaders)
	}
	for _, h := range all {
		if strings.HasPrefix(h[0], ":") { // HTTP/2's own
			continue
		}
		if err := r.add(h[0], h[1]); err != nil {
			return err
		}
	}
	return nil
}

var errParsedBody = errors.New("the body is JSON that was parsed: its bytes are gone, and they are what was signed; capture it as a text or in base64")

// readText takes the body.
func (r *Request) readText(m members) error {
	encoded := m.first("body_base64", "bodybase64")
	value := m.first("body", "rawbody", "content", "payload")
	isBase64 := string(m.first("isbase64encoded")) == "true"
	if data, ok := membersOf(m.first("postdata")); ok && value == nil {
		value = data.first("text")
		isBase64 = string(data.first("encoding")) == `"base64"`
	}
	if encoded == nil && isBase64 {
		encoded, value = value, nil
	}
	var text string
	switch {
	case encoded != nil && value != nil:
		return errors.New("there are two bodies, one as a text and one in base64")
	case encoded != nil:
		if json.Unmarshal(encoded, &text) != nil {
			return errors.New("the body in base64 is no text")
		}
		body, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return errors.New("the body is no base64")
		}
		r.Body = body
	case value == nil:
		r.note("there is no body: it is taken as empty")
	case slices.Contains([]byte(`{[`), bytes.TrimSpace(value)[0]):
		return errParsedBody
	default:
		if json.Unmarshal(value, &text) != nil {
			return errParsedBody
		}
		r.setText(text)
	}
	return nil
}
