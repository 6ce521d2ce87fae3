// Package object is where the results of a batch stand: the pointers that name
// them, what of it may be read, and the bytes (contract, "Where results are").
//
// A Store finds the objects behind a pointer and opens them. It knows the two
// kinds there are, objects of Cloud Storage and files of the Gemini API's Files
// service, and no client of either: Storage and Files are what it needs of them.
// It does not look into what it reads, and does not retry.
package object

import "errors"

// Definite answers, which adapters wrap: asking again gives the same until somebody
// changes something. What is none of these may pass.
var (
	// ErrNotFound: there is no object of that name and generation.
	ErrNotFound = errors.New("object not found")
	// ErrForbidden: Cloud Storage answered 403.
	ErrForbidden = errors.New("the service account may not")
	// Of the Gemini API, also of what is no file there.
	ErrName    = errors.New("not a name that the Gemini API can be asked for")
	ErrDenied  = errors.New("denied; the key in GEMINI_API_KEY_SECRET is not of the project that made it, may not read it, or it has expired")
	ErrRefused = errors.New("the Gemini API does not take this request")
)

// Gzip is the Encoding of an object that is read decompressed.
const Gzip = "gzip"

// Object is one result object, pinned. Its JSON is part of a stored plan.
type Object struct {
	Bucket     string `json:"bucket,omitempty"` // see InFilesAPI
	Name       string `json:"name"`             // in the Files API "files/<id>"
	Generation int64  `json:"generation,omitempty"`
	Size       int64  `json:"size"`               // stored bytes; 0 where it is not known
	Encoding   string `json:"encoding,omitempty"` // "" or Gzip: offsets then count decompressed bytes
	CRC32C     uint32 `json:"crc32c,omitempty"`   // of a copy in the archive
	Origin     string `json:"origin,omitempty"`   // of a copy in the archive: what it was made of, "files/<id>" or "batches/<id>"
}

// InFilesAPI reports whether the object is a file of the Files API and not an
// object of Cloud Storage. Such a file has no generation, and its size is not
// known before it is read.
func (o Object) InFilesAPI() bool { return o.Bucket == "" }

// Seekable reports whether reading can begin at any offset, so that the object
// can be worked on in ranges.
func (o Object) Seekable() bool { return o.Encoding == "" && !o.InFilesAPI() }

// URI is the object's address, as outcomes name it.
func (o Object) URI() string {
	if o.InFilesAPI() {
		return o.Name
	}
	return "gs://" + o.Bucket + "/" + o.Name
}
