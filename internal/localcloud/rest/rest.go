// Package rest is what the simulators of Google's REST APIs have in common: protobuf's JSON, errors, pages, and calls that
// fail on purpose. It knows no API.
package rest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
)

// maxJSONBytes bounds the JSON body of a request: 32 MiB; Gemini takes 20 MB of inlined requests.
const maxJSONBytes = 32 << 20

// Error is an error in Google's shape, google.rpc.Status with an HTTP code.
type Error struct {
	Code    int              `json:"code"`
	Message string           `json:"message"`
	Status  string           `json:"status"`
	Details []map[string]any `json:"details,omitempty"`
}

// Invalid is an error of the caller: 400.
func Invalid(format string, args ...any) *Error {
	return &Error{Code: http.StatusBadRequest, Status: "INVALID_ARGUMENT", Message: fmt.Sprintf(format, args...)}
}

// NotFound is 404.
func NotFound(format string, args ...any) *Error {
	return &Error{Code: http.StatusNotFound, Status: "NOT_FOUND", Message: fmt.Sprintf(format, args...)}
}

// Closing is the answer to a job that can no longer begin.
func Closing() *Error {
	return &Error{Code: http.StatusServiceUnavailable, Status: "UNAVAILABLE", Message: "The simulator is closing."}
}

// Method answers one request with a message or an error. It returns before anything is written, so it may hold a lock.
type Method func(w http.ResponseWriter, r *http.Request) (any, *Error)

// ServeHTTP implements http.Handler.
func (m Method) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	out, err := m(w, r)
	if err != nil {
		WriteError(w, err)
		return
	}
	WriteJSON(w, http.StatusOK, out)
}

// Empty is google.protobuf.Empty.
type Empty struct{}

// WriteError answers with {"error": …}.
func WriteError(w http.ResponseWriter, err *Error) {
	WriteJSON(w, err.Code, map[string]any{"error": err})
}

// WriteJSON answers with a message, in which what is a Stream is never held as a whole.
func WriteJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(status)
	buffered := bufio.NewWriter(w)
	if encode(buffered, v) != nil || buffered.Flush() != nil {
		panic(http.ErrAbortHandler) // the client has left
	}
}

// Stream is a JSON value that is made while it is written.
type Stream func(io.Writer) error

// encode writes an answer; what is a stream in it is never held as a whole.
func encode(w *bufio.Writer, v any) error {
	switch v := v.(type) {
	case Stream:
		return v(w)
	case []map[string]any:
		separator := "["
		for _, element := range v {
			w.WriteString(separator) // its error is Flush's, too
			if err := encode(w, element); err != nil {
				return err
			}
			separator = ","
		}
		_, err := w.WriteString("]")
		return err
	case map[string]any:
		separator := "{"
		for _, name := range slices.Sorted(maps.Keys(v)) {
			fmt.Fprintf(w, "%s%q:", separator, name) // names are ours
			if err := encode(w, v[name]); err != nil {
				return err
			}
			separator = ","
		}
		if len(v) == 0 {
			w.WriteString(separator)
		}
		_, err := w.WriteString("}")
		return err
	}
	text, err := Marshal(v)
	if err == nil {
		_, err = w.Write(text)
	}
	return err
}

// Marshal encodes without escaping <, > and &, as Google's servers do, and without a line end.
func Marshal(v any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n")), nil
}

// ReadBody decodes a request's body into dst as Decode does; an empty body is an empty message.
func ReadBody(w http.ResponseWriter, r *http.Request, dst any, ignored ...string) *Error {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxJSONBytes))
	if err != nil {
		return Invalid("Request payload cannot be read or exceeds %d bytes.", maxJSONBytes)
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return nil
	}
	return Decode(body, dst, ignored...)
}

// Decode reads one JSON message into a struct with snake_case tags. Field names are taken in both spellings that
// protobuf's JSON has; unknown ones that are not ignored are refused as Google refuses them. Messages inside are left to a
// Decode of their own.
func Decode(data []byte, dst any, ignored ...string) *Error {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(data, &fields); err != nil {
		return Invalid("Invalid JSON payload received. Expected an object.")
	}
	snake := make(map[string]json.RawMessage, len(fields))
	for name, value := range fields {
		key := SnakeCase(name)
		if _, twice := snake[key]; twice {
			return Invalid("Invalid JSON payload received. A field is given in both spellings.")
		}
		snake[key] = value
	}
	for _, name := range ignored {
		delete(snake, name)
	}
	normal, err := json.Marshal(snake)
	if err != nil {
		return Invalid("Invalid JSON payload received.")
	}
	dec := json.NewDecoder(bytes.NewReader(normal))
	dec.DisallowUnknownFields()
	if err := dec.Decode(dst); err != nil {
		return Invalid("Invalid JSON payload received. Unknown name or wrong type: %s", strings.TrimPrefix(err.Error(), "json: "))
	}
	return nil
}

// SnakeCase turns displayName into display_name and leaves display_name as it is.
func SnakeCase(name string) string {
	var b strings.Builder
	for _, r := range name {
		if unicode.IsUpper(r) {
			b.WriteByte('_')
			r = unicode.ToLower(r)
		}
		b.WriteRune(r)
	}
	return b.String()
}

// SplitVerb cuts "id:verb" at its last colon.
func SplitVerb(segment string) (id, verb string) {
	if i := strings.LastIndexByte(segment, ':'); i >= 0 {
		return segment[:i], segment[i+1:]
	}
	return segment, ""
}

// Query finds a parameter in either spelling.
func Query(values url.Values, snake, camel string) string {
	if values.Has(snake) {
		return values.Get(snake)
	}
	return values.Get(camel)
}

// Stamp is a time as Google's JSON has it.
func Stamp(t time.Time) string {
	return t.UTC().Format("2006-01-02T15:04:05.000000Z")
}
