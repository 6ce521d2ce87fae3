package gcs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
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
	op, run := s.route(r)
	f := s.Begin(op.Kind, op)
	if !s.Sleep(r.Context(), f.Delay) {
		panic(http.ErrAbortHandler)
	}
	var a answer
	err := error(&statusError{f.Status, "a fault on purpose"})
	if f.Status == 0 {
		a, err = run()
	}
	var e *statusError
	if errors.As(err, &e) {
		a = answer{status: e.code, header: http.Header{}, body: strings.NewReader(e.message), size: int64(len(e.message))}
	}
	// An answer before the body has been read would race with its sender.
	_, _ = io.Copy(io.Discard, r.Body)
	s.send(w, r, a, f)
}

// route finds the operation and what does it.
func (s *Server) route(r *http.Request) (op Op, run func() (answer, error)) {
	q := r.URL.Query()
	known := func(f func() (answer, error), parameters ...string) func() (answer, error) {
		return func() (answer, error) {
			for name, values := range q {
				if common := []string{"alt", "prettyPrint", "projection"}; !slices.Contains(append(common, parameters...), name) && values[0] != "" && values[0] != "false" {
					return answer{}, badRequest("parameter %q is not supported here", name)
				}
			}
			return f()
		}
	}
	bucket, kind, name := split(r.URL)
	switch op = (Op{Bucket: bucket, Object: name}); {
	case kind == "/upload" && r.Method == http.MethodPost && q.Get("uploadType") == "multipart":
		op.Kind, op.Object = OpInsert, q.Get("name")
		return op, known(func() (answer, error) { return s.insert(r, bucket) }, "uploadType", "name", "ifGenerationMatch")
	case kind == "/o" && r.Method == http.MethodGet && name != "" && q.Get("alt") == "json":
		op.Kind = OpGet
		return op, known(func() (answer, error) { return s.attributes(bucket, name, q) }, "generation")
	case kind == "/o" && r.Method == http.MethodGet && name == "":
		op.Kind, op.Object = OpList, q.Get("prefix")
		return op, known(func() (answer, error) { return s.list(bucket, q) },
			"prefix", "pageToken", "maxResults", "startOffset", "endOffset", "fields")
	case kind == "" && name != "" && (r.Method == http.MethodGet || r.Method == http.MethodHead):
		op.Kind = OpRead
		if op.Offset, op.Length = asked(r); r.Method == http.MethodHead {
			op.Length = 0
		}
		return op, known(func() (answer, error) { return s.read(r, op) }, "generation")
	}
	op.Kind = OpOther
	return op, func() (answer, error) {
		return answer{}, badRequest("%s %s is not supported here", r.Method, r.URL.Path)
	}
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

// asked is the request's range in the terms of Op. Several ranges, which the
// service does not serve, and other forms are ignored.
func asked(r *http.Request) (offset, length int64) {
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

func (s *Server) read(r *http.Request, op Op) (answer, error) {
	generation, _ := strconv.ParseInt(r.URL.Query().Get("generation"), 10, 64)
	o, err := s.get(op.Bucket, op.Object, generation)
	if err != nil {
		return answer{}, err
	}
	h := http.Header{}
	h.Set("X-Goog-Generation", strconv.FormatInt(o.Generation, 10))
	h.Set("X-Goog-Metageneration", "1")
	h.Set("X-Goog-Stored-Content-Length", strconv.FormatInt(o.Size, 10))
	if h.Set("X-Goog-Stored-Content-Encoding", "identity"); o.Attrs.ContentEncoding != "" {
		h.Set("Content-Encoding", o.Attrs.ContentEncoding)
		h.Set("X-Goog-Stored-Content-Encoding", o.Attrs.ContentEncoding)
	}
	if o.crc32c != "" {
		h.Set("X-Goog-Hash", "crc32c="+o.crc32c)
	}
	a := answer{status: http.StatusOK, header: h, size: o.Size, total: o.Size}
	if r.Header.Get("Range") != "" {
		if a.first = op.Offset; a.first < 0 {
			a.first = max(0, o.Size+a.first)
		}
		if a.first >= o.Size {
			return answer{}, errRange
		}
		if a.size = o.Size - a.first; op.Length >= 0 {
			a.size = min(a.size, op.Length)
		}
		a.status = http.StatusPartialContent
	}
	a.body = io.NewSectionReader(o.content, a.first, a.size)
	return a, nil
}

// wireObject is an object in the JSON API: 64-bit numbers are strings.
type wireObject struct {
	Name            string            `json:"name"`
	Bucket          string            `json:"bucket"`
	Generation      int64             `json:"generation,string"`
	Metageneration  int64             `json:"metageneration,string"`
	ContentEncoding string            `json:"contentEncoding,omitempty"`
	Metadata        map[string]string `json:"metadata,omitempty"`
	Size            int64             `json:"size,string"`
	CRC32C          string            `json:"crc32c,omitempty"`
}

func (o *object) wire() wireObject {
	return wireObject{o.Name, o.Bucket, o.Generation, 1, o.Attrs.ContentEncoding, o.Attrs.Metadata, o.Size, o.crc32c}
}

func jsonAnswer(v any) (answer, error) {
	body, err := json.Marshal(v)
	return answer{
		status: http.StatusOK, header: http.Header{"Content-Type": {"application/json"}},
		body: bytes.NewReader(body), size: int64(len(body)),
	}, err
}

func (s *Server) attributes(bucket, name string, q url.Values) (answer, error) {
	generation, _ := strconv.ParseInt(q.Get("generation"), 10, 64)
	o, err := s.get(bucket, name, generation)
	if err != nil {
		return answer{}, err
	}
	return jsonAnswer(o.wire())
}

// maxPage is the service's limit of items on one page.
const maxPage = 1000

// list answers one page in the order of names. A page token is the last name,
// so objects that come and go between two pages are seen or not, but nothing is
// repeated.
func (s *Server) list(bucket string, q url.Values) (answer, error) {
	limit := maxPage
	if n, err := strconv.Atoi(q.Get("maxResults")); err == nil {
		limit = min(n, maxPage)
	}
	objects, err := s.sorted(bucket, q.Get("prefix"))
	if err != nil {
		return answer{}, err
	}
	items, next := []any{}, ""
	for _, o := range objects {
		if o.Name < q.Get("startOffset") || q.Get("endOffset") != "" && o.Name >= q.Get("endOffset") || o.Name <= q.Get("pageToken") {
			continue
		}
		if len(items) == limit {
			break
		}
		item, err := selected(o.wire(), q.Get("fields"))
		if err != nil {
			return answer{}, err
		}
		items, next = append(items, item), o.Name
	}
	if len(items) < limit {
		next = ""
	}
	return jsonAnswer(map[string]any{"nextPageToken": next, "items": items})
}

// selected leaves in an item what "fields" asks for, as items(name,size): who
// forgets to select an attribute must miss it here as in the service.
func selected(o wireObject, fields string) (any, error) {
	_, list, some := strings.Cut(fields, "items(")
	if !some {
		return o, nil
	}
	list, _, _ = strings.Cut(list, ")")
	text, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	var item map[string]json.RawMessage
	if err := json.Unmarshal(text, &item); err != nil {
		return nil, err
	}
	for name := range item {
		if !slices.Contains(strings.Split(list, ","), name) {
			delete(item, name)
		}
	}
	return item, nil
}

// insert stores the object of a multipart/related body: metadata, then content.
func (s *Server) insert(r *http.Request, bucket string) (answer, error) {
	_, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return answer{}, badRequest("content type: %v", err)
	}
	parts := multipart.NewReader(r.Body, params["boundary"])
	var meta struct {
		Name            string            `json:"name"`
		ContentEncoding string            `json:"contentEncoding"`
		Metadata        map[string]string `json:"metadata"`
	}
	first, err := parts.NextRawPart()
	if err != nil {
		return answer{}, badRequest("metadata: %v", err)
	}
	if err := json.NewDecoder(first).Decode(&meta); err != nil || meta.Name == "" {
		return answer{}, badRequest("metadata: want a JSON object with a name")
	}
	second, err := parts.NextRawPart()
	if err != nil {
		return answer{}, badRequest("content: %v", err)
	}
	data, err := io.ReadAll(second)
	if err != nil {
		return answer{}, badRequest("content: %v", err)
	}
	var ifGeneration *int64
	if text := r.URL.Query().Get("ifGenerationMatch"); text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return answer{}, badRequest("ifGenerationMatch: want a number")
		}
		ifGeneration = &n
	}
	o := newObject(bucket, meta.Name, data, Attrs{ContentEncoding: meta.ContentEncoding, Metadata: meta.Metadata})
	if err := s.put(o, ifGeneration); err != nil {
		return answer{}, err
	}
	return jsonAnswer(o.wire())
}
