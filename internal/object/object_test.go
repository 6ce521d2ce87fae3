package object

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// memory is a Cloud Storage: contents by "bucket/name".
type memory map[string]string

func (m memory) Stat(_ context.Context, bucket, name string) (Object, error) {
	content, ok := m[bucket+"/"+name]
	if !ok {
		return Object{}, ErrNotFound
	}
	o := Object{Bucket: bucket, Name: name, Generation: 1, Size: int64(len(content))}
	if strings.HasSuffix(name, ".gz") {
		o.Encoding = Gzip
	}
	return o, nil
}

func (m memory) List(ctx context.Context, bucket, prefix string, want func(Object) bool, limit int) (found []Object, err error) {
	for path := range m {
		if name, ok := strings.CutPrefix(path, bucket+"/"); ok && strings.HasPrefix(name, prefix) {
			if o, _ := m.Stat(ctx, bucket, name); want(o) {
				found = append(found, o)
			}
		}
	}
	slices.SortFunc(found, func(a, b Object) int { return strings.Compare(a.Name, b.Name) })
	return found[:min(len(found), limit)], nil
}

func (m memory) Open(_ context.Context, o Object, offset, length int64) (io.ReadCloser, error) {
	content := m[o.Bucket+"/"+o.Name][offset:]
	if length >= 0 {
		content = content[:length]
	}
	return io.NopCloser(strings.NewReader(content)), nil
}

// neverListed is a Cloud Storage that fails a listing.
type neverListed struct{ Storage }

func (neverListed) List(context.Context, string, string, func(Object) bool, int) ([]Object, error) {
	return nil, errors.New("listed")
}

// files is a Files service.
type files map[string]string

func (f files) Open(_ context.Context, name string) (io.ReadCloser, error) {
	content, ok := f[name]
	if !ok {
		return nil, ErrNotFound
	}
	return io.NopCloser(strings.NewReader(content)), nil
}

var allowed = Allowed{
	Locations:   []Location{{Bucket: "results-bucket", Prefix: "ok/"}, {Bucket: "state-bucket"}, {Bucket: "archive-bucket"}},
	StateBucket: "state-bucket",
	Archive:     Location{Bucket: "archive-bucket", Prefix: "archive/"},
}

func TestUnreadablePointers(t *testing.T) {
	t.Parallel()
	s := &Store{Allowed: allowed} // no Storage: nothing may be looked at
	for pointer, want := range map[string]*Unreadable{
		"":                                      ErrUnknownPointer,
		"gs://other-bucket/ok/o.jsonl":          ErrNotAllowed,
		"gs://results-bucket/elsewhere/o.jsonl": ErrNotAllowed,
		"gs://results-bucket/okay":              ErrNotAllowed,
		"gs://results-bucket/o":                 ErrNotAllowed, // no folder above what is allowed
		"gs://results-bucket/ok//":              ErrNotAllowed,
		"gs://state-bucket/v1":                  ErrNotAllowed,
		"gs://results-bucket/ok/../secret":      ErrNotAllowed,
		"gs://results-bucket/ok//o.jsonl":       ErrNotAllowed,
		"gs://results-bucket/ok/..":             ErrNotAllowed,
		"gs://state-bucket/v1/x":                ErrNotAllowed,
		"gs://archive-bucket/archive/k/f":       ErrNotAllowed,
		"gs://BAD_Bucket/x":                     ErrNotAllowed,
		"gs://b/x":                              ErrNotAllowed,
		"gs:///x":                               ErrNotAllowed,
		"gs://results-bucket/ok/" + strings.Repeat("x", maxName-2):  ErrUnknownPointer,
		"gs://results-bucket/ok/" + strings.Repeat("x/", maxName/2): ErrUnknownPointer,
		"gs://results-bucket/ok/\xff":                               ErrUnknownPointer,
		"gs://results-bucket/ok/a\nb":                               ErrUnknownPointer,
		"gs://results-bucket":                                       ErrUnknownPointer,
		"gs://results-bucket/":                                      ErrUnknownPointer,
		"s3://results-bucket/o":                                     ErrUnknownPointer,
		"https://storage.googleapis.com/b/o":                        ErrUnknownPointer,
		"files/batch-abc":                                           ErrUnknownPointer,
	} {
		if _, err := s.Find(t.Context(), pointer); err != error(want) {
			t.Errorf("%q: got %v, want %v", pointer, err, want)
		}
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 128)
	for text, want := range map[string][2]string{
		"files/batch-abc": {"files/batch-abc"},
		"https://generativelanguage.googleapis.com/v1beta/files/batch-abc":                             {"files/batch-abc"},
		"https://generativelanguage.googleapis.com/download/v1beta/files/batch-abc:download?alt=media": {"files/batch-abc"},
		"https://evil.example/v1beta/files/batch-abc":                                                  {},
		"https://generativelanguage.googleapis.com@evil.example/v1beta/files/x":                        {},
		"http://generativelanguage.googleapis.com/v1beta/files/x":                                      {},
		"files/../secrets": {}, "files/": {}, "files/a.b": {}, "files/" + long: {"files/" + long}, "files/x" + long: {},
		"X_1": {"", "batches/X_1"}, "batch_X-1": {"", "batches/X-1"}, "batches/X": {"", "batches/X"}, "batches/batch_X": {"", "batches/batch_X"},
		"": {}, "batches/": {}, "batches/a/b": {}, "batches/a.b": {}, "a b": {}, "batches/" + long: {"", "batches/" + long}, "x" + long: {},
	} {
		if got := [2]string{FileName(text), BatchName(text)}; got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	storage := memory{
		"results-bucket/ok/a.jsonl": "aa", "results-bucket/ok/b.jsonl.gz": "bbb", "results-bucket/ok/empty.jsonl": "",
		"results-bucket/ok/notes.txt": "n", "results-bucket/elsewhere.jsonl": "e",
		"results-bucket/ok/bad/../x.jsonl": "x", "results-bucket/ok/none/notes.txt": "n", "results-bucket/ok/nothing/o.jsonl": "",
	}
	for i := range maxObjects + 1 {
		storage[fmt.Sprintf("results-bucket/ok/many/%05d.jsonl", i)] = "{}"
	}
	good := memory{"results-bucket/ok/a.jsonl": "aa", "results-bucket/ok/b.jsonl.gz": "bbb", "results-bucket/ok/empty.jsonl": "", "results-bucket/ok/notes.txt": "n"}
	a := Object{Bucket: "results-bucket", Name: "ok/a.jsonl", Generation: 1, Size: 2}
	b := Object{Bucket: "results-bucket", Name: "ok/b.jsonl.gz", Generation: 1, Size: 3, Encoding: Gzip}
	for _, test := range []struct {
		pointer string
		storage Storage
		want    []Object
		err     error
	}{
		{"gs://results-bucket/ok/a.jsonl", storage, []Object{a}, nil},
		{"gs://results-bucket/ok/absent", storage, nil, ErrNotFound},
		{"gs://results-bucket/ok/" + strings.Repeat("x", maxName-3), neverListed{storage}, nil, ErrNotFound}, // the longest that there can be: no folder's
		{"gs://results-bucket/ok/", good, []Object{a, b}, nil},
		{"gs://results-bucket/ok", good, []Object{a, b}, nil}, // the object ok may not be read, the folder may
		{"gs://results-bucket/ok", memory{"results-bucket/ok": "an object"}, nil, ErrNotFound},
		{"gs://results-bucket/ok/job", memory{"results-bucket/ok/job/a.jsonl": "aa", "results-bucket/ok/job/empty.jsonl": "", "results-bucket/ok/jobs/b.jsonl": "b"},
			[]Object{{Bucket: "results-bucket", Name: "ok/job/a.jsonl", Generation: 1, Size: 2}}, nil},
		{"gs://results-bucket/ok/job", memory{"results-bucket/ok/job/a.jsonl": "aa", "results-bucket/ok/job": "j"},
			[]Object{{Bucket: "results-bucket", Name: "ok/job", Generation: 1, Size: 1}}, nil}, // an object of that name comes first
		{"gs://results-bucket/ok/nothing", storage, nil, nil},
		{"gs://results-bucket/ok/none", storage, nil, ErrNotFound},
		{"gs://results-bucket/ok/bad", storage, nil, ErrNotAllowed},
		{"gs://results-bucket/ok/many", storage, nil, ErrTooManyObjects},
		{"gs://results-bucket/ok/nothing/", storage, nil, nil}, // empty results, and complete
		{"gs://results-bucket/ok/none/", storage, nil, ErrNotFound},
		{"gs://results-bucket/ok/bad/", storage, nil, ErrNotAllowed}, // what a prefix lists is checked, too
		{"gs://results-bucket/ok/many/", storage, nil, ErrTooManyObjects},
	} {
		s := &Store{Storage: test.storage, Allowed: allowed}
		got, err := s.Find(t.Context(), test.pointer)
		if diff := cmp.Diff(test.want, got); diff != "" || !errors.Is(err, test.err) {
			t.Errorf("%s: %v, want %v (-want +got):\n%s", test.pointer, err, test.err, diff)
		}
	}
}

func TestOpen(t *testing.T) {
	t.Parallel()
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	fmt.Fprint(w, "0123456789")
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	s := &Store{
		Storage: memory{
			"results-bucket/ok/plain": "0123456789", "results-bucket/ok/packed.gz": packed.String(),
			"results-bucket/ok/named.gz": "0123456789", "results-bucket/ok/broken.gz": "\x1f\x8bxxxxxxxxxx", "state-bucket/plan": "{}",
			"archive-bucket/archive/k/f": "0123456789", "archive-bucket/archive/../f": "", "archive-bucket/other/f": "",
		},
		Files: files{"files/abc": "0123456789"}, Allowed: allowed,
	}
	stored := func(bucket, name, encoding string) Object {
		return Object{Bucket: bucket, Name: name, Generation: 1, Size: 10, Encoding: encoding}
	}
	copied := func(bucket, name string) Object {
		return Object{Bucket: bucket, Name: name, Generation: 1, Size: 10, Origin: "files/abc"}
	}
	for _, test := range []struct {
		o        Object
		from     int64
		want     string
		size     int64
		seekable bool
	}{
		{stored("results-bucket", "ok/plain", ""), 0, "0123456789", 10, true},
		{stored("results-bucket", "ok/plain", ""), 7, "789", 10, true},
		{stored("results-bucket", "ok/packed.gz", Gzip), 7, "789", -1, false},
		{stored("results-bucket", "ok/named.gz", Gzip), 7, "789", -1, false},
		{Object{Name: "files/abc"}, 7, "789", -1, false},
		{copied("archive-bucket", "archive/k/f"), 7, "789", 10, true},
	} {
		body, size, err := s.Open(t.Context(), test.o, test.from, 10)
		if err != nil {
			t.Errorf("%s: %v", test.o.URI(), err)
			continue
		}
		got, err := io.ReadAll(body)
		if string(got) != test.want || size != test.size || err != nil || test.o.Seekable() != test.seekable {
			t.Errorf("%s from %d: %q, size %d, %v, seekable %v", test.o.URI(), test.from, got, size, err, test.o.Seekable())
		}
	}
	for name, o := range map[string]Object{
		"outside what is allowed": stored("results-bucket", "secret", ""),
		"the state bucket":        stored("state-bucket", "plan", ""),
		"a copy by its name":      stored("archive-bucket", "archive/k/f", ""),
		"beside the copies":       copied("archive-bucket", "other/f"),
		"out of the archive":      copied("archive-bucket", "archive/../f"),
		"a copy elsewhere":        copied("results-bucket", "ok/plain"),
		"broken gzip":             stored("results-bucket", "ok/broken.gz", Gzip),
		"an absent file":          Object{Name: "files/none"},
	} {
		if _, _, err := s.Open(t.Context(), o, 0, 10); err == nil {
			t.Errorf("%s is opened", name)
		}
	}
	s.Files = nil
	if _, _, err := s.Open(t.Context(), Object{Name: "files/abc"}, 0, 10); err == nil {
		t.Error("a file is opened without an API key")
	}
	if _, _, err := s.Open(t.Context(), stored("results-bucket", "ok/packed.gz", Gzip), 11, 12); err == nil {
		t.Error("work was handed on behind the end, and nothing is said")
	}
}

// A pointer that may be read names an object or prefix of an allowed place, in
// canonical form.
func FuzzPointer(f *testing.F) {
	for _, seed := range []string{
		"gs://results-bucket/ok/o.jsonl", "gs://results-bucket/ok/", "gs://results-bucket/ok", "gs://results-bucket/ok/../x",
		"gs://state-bucket/ok/x", "files/abc", "gs://", "gs:///", "\x00",
	} {
		f.Add(seed)
	}
	s := &Store{Allowed: allowed}
	f.Fuzz(func(t *testing.T, text string) {
		at, err := s.locate(text)
		var refused *Unreadable
		switch {
		case errors.As(err, &refused):
			if refused.Code == "" || refused.Message == "" || at != (pointer{}) {
				t.Fatalf("%q: %+v, %+v", text, at, refused)
			}
		default:
			if text != "gs://"+at.bucket+"/"+at.name || at.bucket != "results-bucket" || !strings.HasPrefix(at.name+"/", "ok/") ||
				strings.Contains("/"+at.name+"/", "/../") || strings.Contains(at.name, "//") {
				t.Fatalf("%q: bucket %q, object %q", text, at.bucket, at.name)
			}
		}
	})
}
