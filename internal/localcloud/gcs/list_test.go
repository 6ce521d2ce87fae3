package gcs_test

import (
	"errors"
	"slices"
	"testing"

	"cloud.google.com/go/storage"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/api/iterator"

	"example.com/gemini-webhook/internal/localcloud/gcs"
)

func TestList(t *testing.T) {
	t.Parallel()
	s, client := start(t)
	for _, name := range []string{"a", "m/", "m/1", "m/2/x", "m/2/y", "m/3", "n/1", "z"} {
		s.Put(testBucket, name, []byte(name), gcs.Attrs{ContentEncoding: "gzip", Metadata: map[string]string{"n": name}})
	}
	for name, tc := range map[string]struct {
		query storage.Query
		want  []string
	}{
		"all":                {storage.Query{}, []string{"a", "m/", "m/1", "m/2/x", "m/2/y", "m/3", "n/1", "z"}},
		"prefix":             {storage.Query{Prefix: "m/2"}, []string{"m/2/x", "m/2/y"}},
		"no match":           {storage.Query{Prefix: "q"}, nil},
		"delimiter":          {storage.Query{Delimiter: "/"}, []string{"a", "m/ (prefix)", "n/ (prefix)", "z"}},
		"prefix, delimiter":  {storage.Query{Prefix: "m/", Delimiter: "/"}, []string{"m/", "m/1", "m/2/ (prefix)", "m/3"}},
		"trailing delimiter": {storage.Query{Delimiter: "/", IncludeTrailingDelimiter: true}, []string{"a", "m/", "m/ (prefix)", "n/ (prefix)", "z"}},
		"offsets":            {storage.Query{StartOffset: "m/2", EndOffset: "n/1"}, []string{"m/2/x", "m/2/y", "m/3"}},
	} {
		for _, size := range []int{0, 1, 2, 3} {
			it := client.Bucket(testBucket).Objects(deadline(t), &tc.query)
			it.PageInfo().MaxSize = size
			var got []string
			for {
				a, err := it.Next()
				if errors.Is(err, iterator.Done) {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				if a.Prefix != "" {
					got = append(got, a.Prefix+" (prefix)")
					continue
				}
				got = append(got, a.Name)
				if a.Metadata["n"] != a.Name || a.Size != int64(len(a.Name)) || a.ContentEncoding != "gzip" ||
					a.Generation == 0 || len(a.MD5) != 16 || a.CRC32C == 0 || a.Created.IsZero() || a.Updated.IsZero() {
					t.Errorf("%s: attributes of %s are incomplete: %+v", name, a.Name, a)
				}
			}
			slices.Sort(got) // within a page, items come before prefixes
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s, pages of %d: %s", name, size, diff)
			}
		}
	}
	_, err := client.Bucket("nowhere").Objects(deadline(t), nil).Next()
	if !errors.Is(err, storage.ErrBucketNotExist) {
		t.Errorf("list of a missing bucket: %v, want ErrBucketNotExist", err)
	}
}

func TestListSelectsOnlyTheFieldsAskedFor(t *testing.T) {
	t.Parallel()
	s, client := start(t)
	s.Put(testBucket, "o", []byte("1234"), gcs.Attrs{Metadata: map[string]string{"k": "v"}})
	q := &storage.Query{Projection: storage.ProjectionNoACL}
	if err := q.SetAttrSelection([]string{"Name", "Size"}); err != nil {
		t.Fatal(err)
	}
	got, err := client.Bucket(testBucket).Objects(deadline(t), q).Next()
	if err != nil {
		t.Fatal(err)
	}
	if got.Name != "o" || got.Size != 4 || got.Metadata != nil || got.Generation != 0 {
		t.Errorf("got %+v, want name and size alone", got)
	}
}
