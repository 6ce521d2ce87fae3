package gemini

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

// apiError is an error in Google's shape, google.rpc.Status with an HTTP code.
type apiError struct {
	Code    int              `json:"code"`
	Message string           `json:"message"`
	Status  string           `json:"status"`
	Details []map[string]any `json:"details,omitempty"`
}

func invalid(format string, args ...any) *apiError {
	return &apiError{Code: http.StatusBadRequest, Status: "INVALID_ARGUMENT", Message: fmt.Sprintf(format, args...)}
}

func notFound(format string, args ...any) *apiError {
	return &apiError{Code: http.StatusNotFound, Status: "NOT_FOUND", Message: fmt.Sprintf(format, args...)}
}

// closing is the answer to a job that can no longer begin.
func closing() *apiError {
	return &apiError{Code: http.StatusServiceUnavailable, Status: "UNAVAILABLE", Message: "The simulator is closing."}
}

// method answers one request with a message or an error. It returns before anything is written, so it may hold s.mu.
type method func(w http.ResponseWriter, r *http.Request) (any, *apiError)

func (m method) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	out, err := m(w, r)
	if err != nil {
		writeError(w, err)
		return
	}
	writeJSON(w, http.StatusOK, out)
}

// empty is google.protobuf.Empty.
type empty struct{}

func writeError(w http.ResponseWriter, err *apiError) {
	writeJSON(w, err.Code, map[string]any{"error": err})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(status)
	buffered := bufio.NewWriter(w)
	if encode(buffered, v) != nil || buffered.Flush() != nil {
		panic(http.ErrAbortHandler) // the client has left
	}
}

// stream is a JSON value that is made while it is written.
type stream func(io.Writer) error

// encode writes an answer; what is a stream in it is never held as a whole.
func encode(w *bufio.Writer, v any) error {
	switch v := v.(type) {
	case stream:
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
	text, err := marshal(v)
	if err == nil {
		_, err = w.Write(text)
	}
	return err
}

// marshal encodes without escaping <, > and &, as Google's servers do, and without a line end.
func marshal(v any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n")), nil
}

// readBody decodes a request's body into dst as decode does; an empty body is an empty message.
func readBody(w http.ResponseWriter, r *http.Request, dst any, ignored ...string) *apiError {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxJSONBytes))
	if err != nil {
		return invalid("Request payload cannot be read or exceeds %d bytes.", maxJSONBytes)
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return nil
	}
	return decode(body, dst, ignored...)
}

// decode reads one JSON message into a struct with snake_case tags. Field names are taken in both spellings that
// protobuf's JSON has; unknown ones that are not ignored are refused as Google refuses them. Messages inside are left to a
// decode of their own.
func decode(data []byte, dst any, ignored ...string) *apiError {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(data, &fields); err != nil {
		return invalid("Invalid JSON payload received. Expected an object.")
	}
	snake := make(map[string]json.RawMessage, len(fields))
	for name, value := range fields {
		key := snakeCase(name)
		if _, twice := snake[key]; twice {
			return invalid("Invalid JSON payload received. A field is given in both spellings.")
		}
		snake[key] = value
	}
	for _, name := range ignored {
		delete(snake, name)
	}
	normal, err := json.Marshal(snake)
	if err != nil {
		return invalid("Invalid JSON payload received.")
	}
	dec := json.NewDecoder(bytes.NewReader(normal))
	dec.DisallowUnknownFields()
	if err := dec.Decode(dst); err != nil {
		return invalid("Invalid JSON payload received. Unknown name or wrong type: %s", strings.TrimPrefix(err.Error(), "json: "))
	}
	return nil
}

// snakeCase turns displayName into display_name and leaves display_name as it is.
func snakeCase(name string) string {
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

// splitVerb cuts "id:verb" at its last colon.
func splitVerb(segment string) (id, verb string) {
	if i := strings.LastIndexByte(segment, ':'); i >= 0 {
		return segment[:i], segment[i+1:]
	}
	return segment, ""
}

// query finds a parameter in either spelling.
func query(values url.Values, snake, camel string) string {
	if values.Has(snake) {
		return values.Get(snake)
	}
	return values.Get(camel)
}

// stamp is a time as Google's JSON has it.
func stamp(t time.Time) string {
	return t.UTC().Format("2006-01-02T15:04:05.000000Z")
}
