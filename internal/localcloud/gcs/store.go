package gcs

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// firstGeneration has the size of the service's generations (microseconds
// since 1970), so that what only holds small numbers fails here too.
const firstGeneration = 1_700_000_000_000_000

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// object is immutable once stored: a write replaces it.
type object struct {
	bucket, name string
	generation   int64
	size         int64
	content      io.ReaderAt
	attrs        Attrs
	md5, crc32c  string // base64; empty for generated content
	created      time.Time
}

type bucket struct {
	name    string
	created time.Time
	objects map[string]*object
}

type store struct {
	now func() time.Time

	mu         sync.RWMutex
	buckets    map[string]*bucket
	generation int64
}

func newStore(now func() time.Time) *store {
	return &store{now: now, buckets: map[string]*bucket{}, generation: firstGeneration}
}

func (st *store) createBucket(name string) error {
	if !validBucket(name) {
		return badRequest("bucket name %q: use 3 to 63 of a-z, 0-9, '-', '_' and '.'", name)
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.buckets[name] != nil {
		return &apiError{code: http.StatusConflict, reason: "conflict", message: "bucket " + name + " exists"}
	}
	st.buckets[name] = &bucket{name: name, created: st.now(), objects: map[string]*object{}}
	return nil
}

func (st *store) bucket(name string) (*bucket, error) {
	st.mu.RLock()
	defer st.mu.RUnlock()
	b := st.buckets[name]
	if b == nil {
		return nil, noSuchBucket(name)
	}
	return b, nil
}

func (st *store) bucketNames() []string {
	st.mu.RLock()
	defer st.mu.RUnlock()
	return slices.Sorted(maps.Keys(st.buckets))
}

// get finds an object by its conditions; generation 0 means the live one.
func (st *store) get(bucket, name string, c conditions) (*object, error) {
	st.mu.RLock()
	defer st.mu.RUnlock()
	b := st.buckets[bucket]
	if b == nil {
		return nil, noSuchBucket(bucket)
	}
	o := b.objects[name]
	if o == nil || c.generation != 0 && c.generation != o.generation {
		return nil, noSuchObject(bucket, name)
	}
	return o, c.check(o, http.StatusNotModified)
}

// check tells whether a write would pass its conditions now.
func (st *store) check(bucket, name string, c conditions) error {
	st.mu.RLock()
	defer st.mu.RUnlock()
	b := st.buckets[bucket]
	if b == nil {
		return noSuchBucket(bucket)
	}
	return c.check(b.objects[name], http.StatusPreconditionFailed)
}

// put stores o under the next generation. Conditions and write are one step.
func (st *store) put(o *object, c conditions) (*object, error) {
	st.mu.Lock()
	defer st.mu.Unlock()
	b := st.buckets[o.bucket]
	if b == nil {
		return nil, noSuchBucket(o.bucket)
	}
	if err := c.check(b.objects[o.name], http.StatusPreconditionFailed); err != nil {
		return nil, err
	}
	st.generation++
	o.generation = st.generation
	o.created = st.now()
	b.objects[o.name] = o
	return o, nil
}

func (st *store) delete(bucket, name string, c conditions) error {
	st.mu.Lock()
	defer st.mu.Unlock()
	b := st.buckets[bucket]
	if b == nil {
		return noSuchBucket(bucket)
	}
	o := b.objects[name]
	if o == nil || c.generation != 0 && c.generation != o.generation {
		return noSuchObject(bucket, name)
	}
	if err := c.check(o, http.StatusPreconditionFailed); err != nil {
		return err
	}
	delete(b.objects, name)
	return nil
}

// sorted is the bucket's objects whose names begin with prefix, by name.
func (st *store) sorted(bucket, prefix string) ([]*object, error) {
	st.mu.RLock()
	defer st.mu.RUnlock()
	b := st.buckets[bucket]
	if b == nil {
		return nil, noSuchBucket(bucket)
	}
	var objects []*object
	for name, o := range b.objects {
		if strings.HasPrefix(name, prefix) {
			objects = append(objects, o)
		}
	}
	slices.SortFunc(objects, func(a, b *object) int { return strings.Compare(a.name, b.name) })
	return objects, nil
}

// newObject makes an object of stored bytes, with its checksums.
func newObject(bucket, name string, data []byte, attrs Attrs) *object {
	sum := md5.Sum(data)
	var crc [4]byte
	binary.BigEndian.PutUint32(crc[:], crc32.Checksum(data, castagnoli))
	return &object{
		bucket: bucket, name: name,
		size: int64(len(data)), content: bytes.NewReader(data), attrs: attrs,
		md5:    base64.StdEncoding.EncodeToString(sum[:]),
		crc32c: base64.StdEncoding.EncodeToString(crc[:]),
	}
}

// generated is content that is computed at each read.
type generated struct {
	size int64
	at   func(off int64, p []byte)
}

// ReadAt implements io.ReaderAt.
func (g generated) ReadAt(p []byte, off int64) (int, error) {
	if off >= g.size {
		return 0, io.EOF
	}
	n := min(int64(len(p)), g.size-off)
	g.at(off, p[:n])
	if n < int64(len(p)) {
		return int(n), io.EOF
	}
	return int(n), nil
}

func validBucket(name string) bool {
	if len(name) < 3 || len(name) > 63 {
		return false
	}
	for _, c := range []byte(name) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' && c != '.' {
			return false
		}
	}
	return true
}

// checkName applies the service's rules for object names.
func checkName(name string) error {
	switch {
	case name == "" || len(name) > 1024 || !utf8.ValidString(name):
		return badRequest("object name: use 1 to 1024 bytes of UTF-8")
	case name == "." || name == ".." || strings.ContainsAny(name, "\r\n"):
		return badRequest("object name %q: '.', '..' and line ends are not allowed", name)
	}
	return nil
}

func noSuchBucket(name string) error {
	return &apiError{code: http.StatusNotFound, reason: "notFound", xml: "NoSuchBucket",
		message: "The specified bucket does not exist: " + name}
}

func noSuchObject(bucket, name string) error {
	return &apiError{code: http.StatusNotFound, reason: "notFound", xml: "NoSuchKey",
		message: fmt.Sprintf("No such object: %s/%s", bucket, name)}
}
