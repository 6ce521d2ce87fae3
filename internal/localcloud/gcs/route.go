package gcs

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// call is a request whose target is known.
type call struct {
	op   Op
	form form
	// allowed are the query parameters it knows beside commonParams.
	allowed []string
	run     func() (answer, error)
}

// commonParams change nothing that this server does; "fields" is applied to
// every JSON answer.
var commonParams = []string{"alt", "prettyPrint", "projection", "fields", "userProject", "key", "quotaUser"}

var (
	conditionParams = []string{"generation", "ifGenerationMatch", "ifGenerationNotMatch", "ifMetagenerationMatch", "ifMetagenerationNotMatch"}
	insertParams    = append([]string{"name", "uploadType", "contentEncoding", "upload_id"}, conditionParams[1:]...)
	// listParams end with one that changes nothing in a flat namespace.
	listParams = []string{"prefix", "delimiter", "pageToken", "maxResults", "startOffset", "endOffset",
		"includeTrailingDelimiter", "includeFoldersAsPrefixes"}
	// offParams ask for what is absent here (pages of buckets among them); false
	// or empty is fine.
	offParams = []string{"versions", "softDeleted", "matchGlob", "filter", "returnPartialSuccess", "pageToken"}
)

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	c := s.route(r)
	if c.run == nil {
		c.run = func() (answer, error) {
			return answer{}, badRequest("%s %s is not supported here", r.Method, r.URL.Path)
		}
	}
	f := s.begin(c.op)
	s.wait(r.Context(), f.Delay)
	a, err := s.execute(r, c, f)
	if err != nil {
		var e *apiError
		if !errors.As(err, &e) {
			e = &apiError{code: http.StatusInternalServerError, reason: "internalError", message: err.Error()}
		}
		a = e.answer(c.form)
	}
	// An answer before the body has been read would race with its sender.
	_, _ = io.Copy(io.Discard, r.Body)
	s.send(w, r, a, f)
}

func (s *Server) execute(r *http.Request, c call, f Fault) (answer, error) {
	if f.Status != 0 {
		return answer{}, injected(f.Status)
	}
	if err := checkParams(r.URL.Query(), c.allowed); err != nil {
		return answer{}, err
	}
	for name := range r.Header {
		if strings.HasPrefix(name, "X-Goog-Encryption-") {
			return answer{}, badRequest("customer-supplied encryption keys are not supported here")
		}
	}
	return c.run()
}

func checkParams(q url.Values, allowed []string) error {
	for name, values := range q {
		switch {
		case slices.Contains(commonParams, name), slices.Contains(allowed, name):
			if len(values) > 1 {
				return badRequest("parameter %q is repeated", name)
			}
		case slices.Contains(offParams, name) && (values[0] == "" || strings.EqualFold(values[0], "false")):
		default:
			return badRequest("parameter %q is not supported here", name)
		}
	}
	return nil
}

// route finds the operation; a call without run is one that is not supported.
func (s *Server) route(r *http.Request) call {
	path := r.URL.EscapedPath()
	for _, prefix := range []string{"/upload/storage/v1/", "/resumable/upload/storage/v1/"} {
		if rest, ok := strings.CutPrefix(path, prefix); ok {
			return s.routeUpload(r, segments(rest))
		}
	}
	for _, prefix := range []string{"/storage/v1/", "/download/storage/v1/"} {
		if rest, ok := strings.CutPrefix(path, prefix); ok {
			return s.routeJSON(r, segments(rest))
		}
	}
	return s.routeXML(r, strings.TrimPrefix(path, "/"))
}

// segments unescapes the parts of a path; an ill-formed one gives none.
func segments(path string) []string {
	parts := strings.Split(path, "/")
	for i, part := range parts {
		text, err := url.PathUnescape(part)
		if err != nil {
			return nil
		}
		parts[i] = text
	}
	return parts
}

func (s *Server) routeJSON(r *http.Request, p []string) call {
	switch {
	case len(p) == 1 && p[0] == "b":
		return s.routeBuckets(r)
	case len(p) == 2 && p[0] == "b":
		c := call{op: Op{Kind: OpBucket, Bucket: p[1]}}
		if r.Method == http.MethodGet {
			c.run = func() (answer, error) { return s.getBucket(r, p[1]) }
		}
		return c
	case len(p) == 3 && p[0] == "b" && p[2] == "o" && r.Method == http.MethodGet:
		return call{
			op:      Op{Kind: OpList, Bucket: p[1], Object: r.URL.Query().Get("prefix")},
			allowed: listParams,
			run:     func() (answer, error) { return s.list(r, p[1]) },
		}
	case len(p) == 4 && p[0] == "b" && p[2] == "o":
		return s.routeObject(r, p[1], p[3])
	}
	return call{}
}

func (s *Server) routeBuckets(r *http.Request) call {
	c := call{op: Op{Kind: OpBucket}, allowed: []string{"project", "prefix", "maxResults"}}
	switch r.Method {
	case http.MethodGet:
		c.run = func() (answer, error) { return s.listBuckets(r) }
	case http.MethodPost:
		c.run = func() (answer, error) { return s.insertBucket(r) }
	}
	return c
}

func (s *Server) routeObject(r *http.Request, bucket, name string) call {
	op := Op{Bucket: bucket, Object: name}
	get := r.URL.Query().Get
	switch {
	case r.Method == http.MethodGet && get("alt") == "media":
		op.Kind = OpRead
		op.Offset, op.Length = asked(r)
		return call{op: op, form: formPlain, allowed: conditionParams,
			run: func() (answer, error) { return s.read(r, bucket, name, get) }}
	case r.Method == http.MethodGet:
		op.Kind = OpGet
		return call{op: op, allowed: conditionParams,
			run: func() (answer, error) { return s.getObject(r, bucket, name) }}
	case r.Method == http.MethodDelete:
		op.Kind = OpDelete
		return call{op: op, allowed: conditionParams,
			run: func() (answer, error) { return s.deleteObject(r, bucket, name) }}
	}
	return call{op: op}
}

// routeXML serves reads only, the one use that the Go client has for this API.
func (s *Server) routeXML(r *http.Request, path string) call {
	bucket, object, ok := strings.Cut(path, "/")
	name, err := url.PathUnescape(object)
	op := Op{Kind: OpRead, Bucket: bucket, Object: name}
	if !ok || object == "" || err != nil || r.Method != http.MethodGet && r.Method != http.MethodHead {
		return call{op: op, form: formXML}
	}
	op.Offset, op.Length = asked(r)
	return call{op: op, form: formXML, allowed: []string{"generation"},
		run: func() (answer, error) { return s.read(r, bucket, name, xmlConditions(r)) }}
}
