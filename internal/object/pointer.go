package object

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Unreadable is what this configuration can never read: it is published as
// batch.unreadable and not retried.
type Unreadable struct {
	Code    string // contract, "Outcomes", batch.unreadable
	Message string // what to change
}

// Error implements error.
func (u *Unreadable) Error() string { return u.Code + ": " + u.Message }

// Why results cannot be read.
var (
	ErrNoPointer      = &Unreadable{"no_pointer", "the event names no result file; results of inline requests are read with batches.get"}
	ErrUnknownPointer = &Unreadable{"unknown_pointer", "the pointer is neither gs://bucket/object, gs://bucket/prefix/ nor files/<id>"}
	ErrNotAllowed     = &Unreadable{"bucket_not_allowed", "the pointer is outside RESULT_BUCKETS; add its bucket, or bucket/prefix/, and grant the private door's service account read access"}
	ErrNoAPIKey       = &Unreadable{"no_api_key", "the pointer is a Files API name; set GEMINI_API_KEY_SECRET to read it"}
	ErrTooManyObjects = &Unreadable{"too_many_objects", "over 10,000 result objects under the pointer"}
)

// pointer is what an event says of where its results are: an object, the
// objects under a prefix, or a file of the Files API.
type pointer struct {
	bucket, name string // what ends in "/" is a prefix, and no object
	file         string // "files/<id>"
}

// parsePointer reads the text of a pointer. Its error is ErrNoPointer or
// ErrUnknownPointer. It does not say whether what it names may be read.
func parsePointer(text string) (pointer, error) {
	if text == "" {
		return pointer{}, ErrNoPointer
	}
	if rest, ok := strings.CutPrefix(text, "gs://"); ok {
		bucket, name, _ := strings.Cut(rest, "/")
		if !canExist(name) {
			return pointer{}, ErrUnknownPointer
		}
		return pointer{bucket: bucket, name: name}, nil
	}
	file := FileName(text)
	if file == "" {
		return pointer{}, ErrUnknownPointer
	}
	return pointer{file: file}, nil
}

// maxName is the length of the longest object name that Cloud Storage has, in bytes
// (https://cloud.google.com/storage/docs/objects#naming).
const maxName = 1024

// canExist reports whether there can be an object of that name, or a prefix of
// some: no repair makes one that cannot.
func canExist(name string) bool {
	return name != "" && len(name) <= maxName && utf8.ValidString(name) && !strings.ContainsAny(name, "\r\n")
}

var fileForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)

const filesHost = "generativelanguage.googleapis.com"

// FileName gives "files/<id>" of a Files API name or of its https form, else "".
func FileName(text string) string {
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

// Location is a bucket, or a prefix in one, that results may be read from: an
// entry of RESULT_BUCKETS.
type Location struct {
	Bucket string
	Prefix string // "" for the whole bucket, else it ends with "/"
}

// covers reports whether an object, or a prefix that ends in "/", lies there.
func (l Location) covers(bucket, name string) bool {
	return l.Bucket == bucket && strings.HasPrefix(name, l.Prefix)
}

// Allowed is what may be read of Cloud Storage.
type Allowed struct {
	Locations   []Location
	StateBucket string // no pointer leads there, even where a location names it
	// Archive is where our own copies are: they may be read, and no pointer leads
	// to its bucket either. Without one there are no copies.
	Archive Location
}

// Allows reports whether a pointer may name an object, or a prefix that ends in
// "/".
func (a Allowed) Allows(bucket, name string) bool {
	return bucket != a.StateBucket && bucket != a.Archive.Bucket && canonical(name) &&
		slices.ContainsFunc(a.Locations, func(l Location) bool { return l.covers(bucket, name) })
}

// opens reports whether a planned object may be read: one that a pointer may name,
// or a copy of ours, which says what it was made of.
func (a Allowed) opens(o Object) bool {
	if o.Origin != "" {
		return a.Archive.Bucket != "" && canonical(o.Name) && a.Archive.covers(o.Bucket, o.Name)
	}
	return a.Allows(o.Bucket, o.Name)
}

// canonical refuses empty segments and "..", which others may read as another name.
func canonical(name string) bool {
	for segment := range strings.SplitSeq(strings.TrimSuffix(name, "/"), "/") {
		if segment == "" || segment == ".." {
			return false
		}
	}
	return true
}
