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
	ErrUnknownPointer = &Unreadable{"unknown_pointer", "the pointer is neither gs://bucket/object, gs://bucket/prefix/ nor files/<id>, and the Gemini API has no results of this batch, or GEMINI_API_KEY_SECRET is not set"}
	ErrNotAllowed     = &Unreadable{"bucket_not_allowed", "the pointer is outside RESULT_BUCKETS; add its bucket, or bucket/prefix/, and grant the private door's service account read access"}
	ErrNoAPIKey       = &Unreadable{"no_api_key", "the results are with the Gemini API; set GEMINI_API_KEY_SECRET to read them there"}
	ErrNoResults      = &Unreadable{"no_results", "the Gemini API says that the batch has neither a file of results nor a list"}
	ErrTooManyObjects = &Unreadable{"too_many_objects", "over 10,000 result objects under the pointer"}
)

// pointer is an object of Cloud Storage, or the objects under a prefix.
type pointer struct {
	bucket, name string // what ends in "/" is a prefix, and no object
}

// InStorage reports whether the text of a pointer names a place in Cloud Storage,
// however ill-formed.
func InStorage(text string) bool { return strings.HasPrefix(text, "gs://") }

// parsePointer reads the text of a pointer. Its error is ErrUnknownPointer. It does
// not say whether what it names may be read.
func parsePointer(text string) (pointer, error) {
	bucket, name, _ := strings.Cut(strings.TrimPrefix(text, "gs://"), "/")
	if !InStorage(text) || !canExist(name) {
		return pointer{}, ErrUnknownPointer
	}
	return pointer{bucket, name}, nil
}

// maxName is the length of the longest object name that Cloud Storage has, in bytes
// (https://cloud.google.com/storage/docs/objects#naming).
const maxName = 1024

// canExist reports whether there can be an object of that name, or a prefix of
// some: no repair makes one that cannot.
func canExist(name string) bool {
	return name != "" && len(name) <= maxName && utf8.ValidString(name) && !strings.ContainsAny(name, "\r\n")
}

var idForm = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// ValidID reports whether a text may be the id of something at the Gemini API that is
// asked for: 1 to 128 of letters, digits, "_" and "-". (A regular expression that counts
// them takes a noticeable part of a cold start to compile.)
func ValidID(text string) bool { return len(text) <= 128 && idForm.MatchString(text) }

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
	if !ok || !ValidID(id) {
		return ""
	}
	return "files/" + id
}

// BatchName gives "batches/<id>" of a batch's name or id ("batches/X", "batch_X", "X"),
// else "".
func BatchName(text string) string {
	id, named := strings.CutPrefix(text, "batches/")
	if !named {
		id = strings.TrimPrefix(text, "batch_")
	}
	if !ValidID(id) {
		return ""
	}
	return "batches/" + id
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
