// Package gcs is a Cloud Storage server in process: as much of it as the
// receiver uses through Google's Go client, with faults on purpose and with
// generated objects that take no memory. Set STORAGE_EMULATOR_HOST to
// Server.Addr.
//
// It reads objects (XML API), reads their attributes, lists, and creates in one
// request or by resumable uploads; generations, ranges and create's ifGenerationMatch are the
// service's. Any other call or parameter is answered with 400, so that nothing
// is silently ignored, other preconditions among them.
// Content with an encoding is served as it is stored. It checks no credentials.
package gcs

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"io"
	"slices"
	"strings"
	"sync"

	"example.com/gemini-webhook/internal/localcloud/fake"
)

// firstGeneration has the size of the service's generations (microseconds
// since 1970), so that what only holds small numbers fails here too.
const firstGeneration = 1_700_000_000_000_000

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Server is a Cloud Storage server.
type Server struct {
	*fake.Listener
	fake.Calls[Kind, Op, Fault]

	mu         sync.RWMutex
	buckets    map[string]map[string]*object
	uploads    map[string]*upload
	generation int64
}

// Start serves these buckets, which are empty.
func Start(buckets ...string) (_ *Server, err error) {
	s := &Server{buckets: make(map[string]map[string]*object), uploads: make(map[string]*upload), generation: firstGeneration}
	for _, name := range buckets {
		s.buckets[name] = make(map[string]*object)
	}
	s.Listener, err = fake.HTTP(s)
	return s, err
}

// Attrs are the attributes of an object that its writer chooses.
type Attrs struct {
	ContentEncoding string
	ContentType     string
	Metadata        map[string]string
}

// Object is a stored object as Go code sees it.
type Object struct {
	Bucket, Name string
	Generation   int64
	Size         int64 // bytes
	Attrs        Attrs
	Data         []byte // nil where it is generated
}

// object is immutable once stored: a write replaces it.
type object struct {
	Object
	content io.ReaderAt
	crc32c  string // base64; empty for generated content
}

// Put stores data, which must not be changed afterwards, and returns the new
// generation. It panics where the bucket is missing.
func (s *Server) Put(bucket, name string, data []byte, attrs Attrs) int64 {
	return s.mustPut(newObject(bucket, name, data, attrs))
}

// PutGenerated stores an object of size bytes that at computes at every read:
// at fills p with the content from off on, the same at each call, and may be
// called from several goroutines at once. The content is never kept, so the
// object has no checksum.
func (s *Server) PutGenerated(bucket, name string, size int64, at func(off int64, p []byte)) int64 {
	return s.mustPut(&object{Object: Object{Bucket: bucket, Name: name, Size: size}, content: generated(at)})
}

func (s *Server) mustPut(o *object) int64 {
	if err := s.put(o, nil); err != nil {
		panic(err)
	}
	return o.Generation
}

// Get returns the object as it is now, and whether there is one.
func (s *Server) Get(bucket, name string) (Object, bool) {
	o, err := s.get(bucket, name, 0)
	if err != nil {
		return Object{}, false
	}
	return o.Object, true
}

// List returns the bucket's objects whose names begin with prefix, by name.
func (s *Server) List(bucket, prefix string) []Object {
	var list []Object
	objects, _ := s.sorted(bucket, prefix) // no bucket: none
	for _, o := range objects {
		list = append(list, o.Object)
	}
	return list
}

// Delete removes an object.
func (s *Server) Delete(bucket, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.buckets[bucket], name)
}

func newObject(bucket, name string, data []byte, attrs Attrs) *object {
	crc := binary.BigEndian.AppendUint32(nil, crc32.Checksum(data, castagnoli))
	return &object{
		Object:  Object{Bucket: bucket, Name: name, Size: int64(len(data)), Attrs: attrs, Data: data},
		content: bytes.NewReader(data),
		crc32c:  base64.StdEncoding.EncodeToString(crc),
	}
}

// generated is content that is computed at each read, within its size alone.
type generated func(off int64, p []byte)

// ReadAt implements io.ReaderAt.
func (at generated) ReadAt(p []byte, off int64) (int, error) {
	at(off, p)
	return len(p), nil
}

// put stores o under the next generation if the one before is ifGeneration, 0
// for none; nil is no condition.
func (s *Server) put(o *object, ifGeneration *int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	objects := s.buckets[o.Bucket]
	if objects == nil {
		return errNoBucket
	}
	var before int64
	if old := objects[o.Name]; old != nil {
		before = old.Generation
	}
	if ifGeneration != nil && *ifGeneration != before {
		return errCondition
	}
	s.generation++
	o.Generation = s.generation
	objects[o.Name] = o
	return nil
}

// get finds an object by its generation; 0 means the live one.
func (s *Server) get(bucket, name string, generation int64) (*object, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	o := s.buckets[bucket][name]
	if o == nil || generation != 0 && generation != o.Generation {
		return nil, errNoObject
	}
	return o, nil
}

func (s *Server) sorted(bucket, prefix string) ([]*object, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.buckets[bucket] == nil {
		return nil, errNoBucket
	}
	var objects []*object
	for name, o := range s.buckets[bucket] {
		if strings.HasPrefix(name, prefix) {
			objects = append(objects, o)
		}
	}
	slices.SortFunc(objects, func(a, b *object) int { return strings.Compare(a.Name, b.Name) })
	return objects, nil
}
