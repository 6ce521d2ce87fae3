package gcs

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// statusError is an answer that is not a success.
type statusError struct {
	code    int
	message string
}

// Error implements error.
func (e *statusError) Error() string { return fmt.Sprintf("gcs: %d, %s", e.code, e.message) }

var (
	errNoBucket  = &statusError{http.StatusNotFound, "no such bucket"}
	errNoObject  = &statusError{http.StatusNotFound, "no such object"}
	errCondition = &statusError{http.StatusPreconditionFailed, "a precondition does not hold"}
	errRange     = &statusError{http.StatusRequestedRangeNotSatisfiable, "the range is behind the end"}
)

func badRequest(format string, args ...any) error {
	return &statusError{http.StatusBadRequest, fmt.Sprintf(format, args...)}
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := s.route(r)
	f := s.Begin(c.op.Kind, c.op)
	if !s.Sleep(r.Context(), f.Delay) {
		panic(http.ErrAbortHandler)
	}
	var a answer
	err := error(&statusError{f.Status, "a fault on purpose"})
	if f.Status == 0 {
		a, err = c.do(r.URL.Query())
	}
	var e *statusError
	if errors.As(err, &e) {
		a = answer{status: e.code, header: http.Header{}, body: strings.NewReader(e.message), size: int64(len(e.message))}
	}
	// An answer before the body has been read would race with its sender.
	_, _ = io.Copy(io.Discard, r.Body)
	s.send(w, r, a, f)
}

// call is a request whose target is known.
type call struct {
	op         Op
	parameters []string // of the query that it knows beside commonParameters
	run        func() (answer, error)
}

// commonParameters change nothing that this server does.
var commonParameters = []string{"alt", "prettyPrint", "projection"}

func (c call) do(q url.Values) (answer, error) {
	for name, values := range q {
		if off := values[0] == "" || values[0] == "false"; !off && !slices.Contains(commonParameters, name) && !slices.Contains(c.parameters, name) {
			return answer{}, badRequest("parameter %q is not supported here", name)
		}
	}
	return c.run()
}

// route finds the operation and what does it.
func (s *Server) route(r *http.Request) call {
	q := r.URL.Query()
	bucket, kind, name := split(r.URL)
	op := Op{Kind: OpOther, Bucket: bucket, Object: name}
	switch kind {
	case "/upload":
		if r.Method == http.MethodPost {
			op.Kind, op.Object = OpInsert, q.Get("name")
			insert := map[string]func() (answer, error){
				"multipart": func() (answer, error) { return s.insert(r, bucket) },
				"resumable": func() (answer, error) { return s.begin(r, bucket) },
			}[q.Get("uploadType")]
			if q.Has("upload_id") {
				op.Kind, insert = OpUpload, func() (answer, error) { return s.resume(r) }
			}
			if insert != nil {
				return call{op, []string{"uploadType", "name", "ifGenerationMatch", "upload_id"}, insert}
			}
		}
	case "/o":
		switch {
		case r.Method != http.MethodGet:
		case name == "":
			op.Kind, op.Object = OpList, q.Get("prefix")
			return call{op, []string{"prefix", "pageToken", "maxResults", "startOffset", "endOffset", "fields"}, func() (answer, error) { return s.list(bucket, q) }}
		case q.Get("alt") == "json":
			op.Kind = OpGet
			return call{op, []string{"generation"}, func() (answer, error) { return s.attributes(bucket, name, q) }}
		}
	case "":
		if name != "" && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
			op.Kind = OpRead
			op.Offset, op.Length = asked(r)
			return call{op, []string{"generation"}, func() (answer, error) { return s.read(r, op) }}
		}
	}
	return call{op: op, run: func() (answer, error) {
		return answer{}, badRequest("%s %s is not supported here", r.Method, r.URL.Path)
	}}
}

// split takes a path apart: /upload/storage/v1/b/BUCKET/o,
// /storage/v1/b/BUCKET/o, the same with /NAME, or, in the XML API, BUCKET/NAME.
func split(u *url.URL) (bucket, kind, name string) {
	path, json := strings.CutPrefix(u.EscapedPath(), "/storage/v1/b/")
	if upload, ok := strings.CutPrefix(path, "/upload/storage/v1/b/"); ok {
		bucket, _, _ = strings.Cut(upload, "/")
		return bucket, "/upload", ""
	}
	bucket, name, _ = strings.Cut(strings.TrimPrefix(path, "/"), "/")
	if json {
		kind = "/o"
		if name, json = strings.CutPrefix(name, "o"); !json {
			return bucket, "/", ""
		}
		name = strings.TrimPrefix(name, "/")
	}
	if unescaped, err := url.PathUnescape(name); err == nil {
		name = unescaped
	}
	return bucket, kind, name
}

// asked is the request's range in the terms of Op; HEAD asks for none. Several ranges, which the
// service does not serve, and other forms are ignored.
func asked(r *http.Request) (offset, length int64) {
	if r.Method == http.MethodHead {
		return 0, 0
	}
	spec, _ := strings.CutPrefix(r.Header.Get("Range"), "bytes=")
	first, last, _ := strings.Cut(spec, "-")
	if first == "" {
		if n, err := strconv.ParseInt(last, 10, 64); err == nil {
			return -n, -1
		}
		return 0, -1
	}
	offset, err := strconv.ParseInt(first, 10, 64)
	if err != nil {
		return 0, -1
	}
	if end, err := strconv.ParseInt(last, 10, 64); err == nil {
		return offset, end - offset + 1
	}
	return offset, -1
}
