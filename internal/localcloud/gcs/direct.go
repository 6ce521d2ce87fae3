package gcs

import (
	"fmt"
	"io"
	"maps"
	"time"
)

// Attrs are the attributes of an object that its writer chooses.
type Attrs struct {
	ContentType, ContentEncoding, ContentDisposition, ContentLanguage, CacheControl string
	// Metadata is the custom metadata.
	Metadata map[string]string
}

// Object is a stored object as Go code sees it.
type Object struct {
	Bucket, Name string
	Generation   int64
	Size         int64 // bytes
	Created      time.Time
	Attrs        Attrs
	// Data is a copy of the content; nil where it is generated.
	Data []byte
}

// CreateBucket makes an empty bucket. It fails for a name that the service
// refuses and for a bucket that exists.
func (s *Server) CreateBucket(name string) error { return s.store.createBucket(name) }

// Put stores data, which must not be changed afterwards, and returns the new
// generation. A missing bucket is made; no precondition applies. It panics on
// a name that the service refuses, for only the program can have chosen it.
func (s *Server) Put(bucket, name string, data []byte, attrs Attrs) int64 {
	attrs.Metadata = maps.Clone(attrs.Metadata)
	return s.putDirect(newObject(bucket, name, data, attrs))
}

// PutGenerated stores an object of size bytes that at computes at every read:
// at fills p with the content from off on, the same at each call, and may be
// called from several goroutines at once. The content is never kept, so the
// object has neither md5Hash nor crc32c. Otherwise it is as Put.
func (s *Server) PutGenerated(bucket, name string, size int64, at func(off int64, p []byte)) int64 {
	return s.putDirect(&object{bucket: bucket, name: name, size: size, content: generated{size, at}})
}

func (s *Server) putDirect(o *object) int64 {
	if err := checkName(o.name); err != nil {
		panic(fmt.Sprintf("gcs: put: %v", err))
	}
	if !validBucket(o.bucket) {
		panic(fmt.Sprintf("gcs: put: bucket name %q is not one that Cloud Storage takes", o.bucket))
	}
	for {
		// Only a missing bucket can refuse an unconditional put.
		if stored, err := s.store.put(o, conditions{}); err == nil {
			return stored.generation
		}
		_ = s.store.createBucket(o.bucket) // another caller's bucket is as good
	}
}

// Get returns the live object and whether there is one.
func (s *Server) Get(bucket, name string) (Object, bool) {
	o, err := s.store.get(bucket, name, conditions{})
	if err != nil {
		return Object{}, false
	}
	return o.export(), true
}

// List returns the bucket's objects whose names begin with prefix, by name;
// none where the bucket is missing.
func (s *Server) List(bucket, prefix string) []Object {
	objects, err := s.store.sorted(bucket, prefix)
	if err != nil {
		return nil
	}
	list := make([]Object, len(objects))
	for i, o := range objects {
		list[i] = o.export()
	}
	return list
}

// Delete removes the live object and tells whether there was one.
func (s *Server) Delete(bucket, name string) bool {
	return s.store.delete(bucket, name, conditions{}) == nil
}

func (o *object) export() Object {
	out := Object{
		Bucket: o.bucket, Name: o.name, Generation: o.generation,
		Size: o.size, Created: o.created, Attrs: o.attrs,
	}
	out.Attrs.Metadata = maps.Clone(o.attrs.Metadata)
	if _, ok := o.content.(generated); !ok {
		out.Data = make([]byte, o.size)
		_, _ = io.NewSectionReader(o.content, 0, o.size).Read(out.Data) // a bytes.Reader gives all at once
	}
	return out
}
