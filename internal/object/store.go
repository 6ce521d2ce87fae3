package object

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Storage is Cloud Storage as far as a Store needs it.
type Storage interface {
	// Stat describes an object as it is now, or ErrNotFound.
	Stat(ctx context.Context, bucket, name string) (Object, error)
	// List describes, in name order, at most limit of the objects under
	// prefix that want lets through.
	List(ctx context.Context, bucket, prefix string, want func(Object) bool, limit int) ([]Object, error)
	// Open reads length bytes (-1: to the end) of a pinned generation from
	// offset on, as they are stored; ErrNotFound if it is gone.
	Open(ctx context.Context, o Object, offset, length int64) (io.ReadCloser, error)
}

// Files is the Files service of the Gemini API.
type Files interface {
	// Open reads a file ("files/<id>") from its start, or ErrNotFound.
	Open(ctx context.Context, name string) (io.ReadCloser, error)
}

// maxObjects is how many result objects a batch may have.
const maxObjects = 10_000

// Store is all that may be read.
type Store struct {
	Storage Storage
	Files   Files // nil without an API key; of plans by former versions, which read there
	Allowed Allowed
}

// Find pins the objects of Cloud Storage that the text of a pointer names, in name order. The
// error is an *Unreadable where that is never to be read, and ErrNotFound where
// there is nothing yet.
func (s *Store) Find(ctx context.Context, pointer string) ([]Object, error) {
	at, err := s.locate(pointer)
	switch {
	case err != nil:
		return nil, err
	case strings.HasSuffix(at.name, "/"):
		return s.list(ctx, at)
	}
	return s.objectOrFolder(ctx, at)
}

// objectOrFolder finds an object or, where there is none that may be read, the
// results in the folder of that name: Vertex AI's directories are named without
// their slash.
func (s *Store) objectOrFolder(ctx context.Context, at pointer) ([]Object, error) {
	folder := pointer{bucket: at.bucket, name: at.name + "/"}
	if !s.Allowed.Allows(at.bucket, at.name) {
		return s.list(ctx, folder)
	}
	o, err := s.Storage.Stat(ctx, at.bucket, at.name)
	switch {
	case err == nil:
		return []Object{o}, nil
	case !errors.Is(err, ErrNotFound), !canExist(folder.name):
		return nil, err
	}
	objects, err := s.list(ctx, folder)
	if errors.Is(err, ErrNotFound) {
		err = fmt.Errorf("no object gs://%s/%s, and %w", at.bucket, at.name, err)
	}
	return objects, err
}

// locate reads a pointer and checks it against what may be read. It touches
// nothing.
func (s *Store) locate(text string) (pointer, error) {
	at, err := parsePointer(text)
	switch {
	case err != nil:
		return pointer{}, err
	case !s.Allowed.Allows(at.bucket, at.name) && !s.Allowed.Allows(at.bucket, at.name+"/"):
		return pointer{}, ErrNotAllowed
	}
	return at, nil
}

// list finds the results under a prefix. Empty ones have none.
func (s *Store) list(ctx context.Context, at pointer) ([]Object, error) {
	found, refused := false, false
	objects, err := s.Storage.List(ctx, at.bucket, at.name, func(o Object) bool {
		if !strings.HasSuffix(o.Name, ".jsonl") && !strings.HasSuffix(o.Name, ".jsonl.gz") {
			return false
		}
		found = true
		refused = refused || !s.Allowed.Allows(o.Bucket, o.Name)
		return o.Size > 0
	}, maxObjects+1)
	switch {
	case err != nil:
		return nil, err
	case len(objects) > maxObjects:
		return nil, ErrTooManyObjects
	case refused: // an empty segment or ".." below the prefix
		return nil, ErrNotAllowed
	case !found:
		return nil, fmt.Errorf("no .jsonl or .jsonl.gz object under gs://%s/%s: %w", at.bucket, at.name, ErrNotFound)
	}
	return objects, nil
}

// Open reads an object from an offset to its end, decompressed; until is how far
// the caller reads for certain. size is where the bytes end, -1 where that is not
// known.
//
// It checks again that the object may be read: the configuration may have changed
// since it was found, and plans and the queue are a trust boundary.
func (s *Store) Open(ctx context.Context, o Object, from, until int64) (body io.ReadCloser, size int64, err error) {
	if o.InFilesAPI() {
		if s.Files == nil {
			return nil, 0, fmt.Errorf("read %s: GEMINI_API_KEY_SECRET is no longer set", o.Name)
		}
		body, err := s.Files.Open(ctx, o.Name)
		if err != nil {
			return nil, 0, err
		}
		return skip(body, body, from)
	}
	switch {
	case s.Allowed.opens(o):
	case o.Origin != "": // it may be copied again
		return nil, 0, fmt.Errorf("read %s: it is not in ARCHIVE_BUCKET: %w", o.URI(), ErrNotFound)
	default:
		return nil, 0, fmt.Errorf("read %s: %s", o.URI(), ErrNotAllowed.Message)
	}
	if o.Encoding == "" {
		open := func(offset, length int64) (io.ReadCloser, error) { return s.Storage.Open(ctx, o, offset, length) }
		return newSegments(open, from, until-from, o.Size), o.Size, nil
	}
	stored, err := s.Storage.Open(ctx, o, 0, -1)
	if err != nil {
		return nil, 0, err
	}
	plain, err := decompress(stored)
	if err != nil {
		stored.Close()
		return nil, 0, fmt.Errorf("read %s: %w", o.URI(), err)
	}
	return skip(plain, stored, from)
}

// decompress reads gzip. An object that is called gzip may not be: a name
// ending, or a server that has decompressed it.
func decompress(stored io.Reader) (io.Reader, error) {
	r := bufio.NewReader(stored)
	if magic, _ := r.Peek(2); string(magic) != "\x1f\x8b" {
		return r, nil
	}
	return gzip.NewReader(r)
}

// skip reads to an offset of a stream that cannot seek.
func skip(r io.Reader, closer io.Closer, from int64) (io.ReadCloser, int64, error) {
	if _, err := io.CopyN(io.Discard, r, from); err != nil {
		closer.Close()
		return nil, 0, fmt.Errorf("skip to where the work was handed on: %w", err)
	}
	return struct {
		io.Reader
		io.Closer
	}{r, closer}, -1, nil
}
