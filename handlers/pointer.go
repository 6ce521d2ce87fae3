package handlers

import (
	"net/url"
	"regexp"
	"strings"

	"example.com/gemini-webhook/internal/outcome"
)

// Location is a bucket, or a prefix in one that ends in "/", that results may
// be read from.
type Location struct{ Bucket, Prefix string }

// pointer is where a batch's results are: an object, the objects under a
// prefix (name ends in "/"), or a file of the Files API.
type pointer struct {
	bucket, name string
	file         string // "files/<id>"
}

// Codes of batch.unreadable (SPEC.md "Outcomes").
const (
	codeNoPointer      = "no_pointer"
	codeUnknownPointer = "unknown_pointer"
	codeNotAllowed     = "bucket_not_allowed"
	codeNoAPIKey       = "no_api_key"
	codeTooManyObjects = "too_many_objects"
)

var unreadable = map[string]string{
	codeNoPointer:      "the event names no result file; results of inline requests are read with batches.get",
	codeUnknownPointer: "the pointer is neither gs://bucket/object, gs://bucket/prefix/ nor files/<id>",
	codeNotAllowed:     "the pointer is outside RESULT_BUCKETS; add its bucket, or bucket/prefix/, and grant the private door's service account read access",
	codeNoAPIKey:       "the pointer is a Files API name; set GEMINI_API_KEY_SECRET to read it",
	codeTooManyObjects: "over 10,000 result objects under the pointer",
}

func unreadableError(code string) *outcome.Error {
	return &outcome.Error{Code: code, Message: unreadable[code]}
}

var (
	bucketForm = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]+[a-z0-9]$`)
	fileForm   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)
)

const filesHost = "generativelanguage.googleapis.com"

// locate reads a pointer and checks it against what may be read (SPEC.md
// "Pointers"). It touches nothing.
func (p *Processor) locate(text string) (pointer, *outcome.Error) {
	if text == "" {
		return pointer{}, unreadableError(codeNoPointer)
	}
	if rest, ok := strings.CutPrefix(text, "gs://"); ok {
		bucket, name, _ := strings.Cut(rest, "/")
		switch {
		case name == "":
			return pointer{}, unreadableError(codeUnknownPointer)
		case !p.allowed(bucket, name):
			return pointer{}, unreadableError(codeNotAllowed)
		}
		return pointer{bucket: bucket, name: name}, nil
	}
	file := fileName(text)
	switch {
	case file == "":
		return pointer{}, unreadableError(codeUnknownPointer)
	case p.Files == nil:
		return pointer{}, unreadableError(codeNoAPIKey)
	}
	return pointer{file: file}, nil
}

// allowed reports whether an object, or a prefix that ends in "/", may be read.
func (p *Processor) allowed(bucket, name string) bool {
	if len(bucket) > 222 || !bucketForm.MatchString(bucket) || bucket == p.StateBucket {
		return false
	}
	for _, segment := range strings.Split(strings.TrimSuffix(name, "/"), "/") {
		if segment == "" || segment == ".." {
			return false
		}
	}
	for _, l := range p.Allowed {
		if l.Bucket == bucket && strings.HasPrefix(name, l.Prefix) {
			return true
		}
	}
	return false
}

// fileName gives "files/<id>" of a Files API name or of its https form, else "".
func fileName(text string) string {
	if u, err := url.Parse(text); err == nil && u.Scheme == "https" && u.Host == filesHost && u.User == nil {
		text = strings.TrimPrefix(strings.TrimPrefix(u.Path, "/download"), "/")
		if version, rest, ok := strings.Cut(text, "/"); ok && strings.HasPrefix(version, "v1") {
			text = rest
		}
		text = strings.TrimSuffix(text, ":download")
	}
	id, ok := strings.CutPrefix(text, "files/")
	if !ok || len(id) > 256 || !fileForm.MatchString(id) {
		return ""
	}
	return "files/" + id
}
