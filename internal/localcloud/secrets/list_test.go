package secrets_test

import (
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	pb "cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/api/iterator"

	"example.com/gemini-webhook/internal/localcloud/secrets"
)

func TestListVersions(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	s, client := start(t, secrets.Options{Now: func() time.Time { now = now.Add(time.Hour); return now }})
	for i := range 7 {
		s.Add(name, []byte(strconv.Itoa(i)))
	}
	for _, err := range []error{s.Disable(name, 2), s.Destroy(name, 5), s.Disable(name, 6), s.Enable(name, 6)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for filter, want := range map[string]string{
		"":                  "7 6 5 4 3 2 1",
		"state:ENABLED":     "7 6 4 3 1",
		"state=ENABLED":     "7 6 4 3 1",
		`state = "ENABLED"`: "7 6 4 3 1",
		"state:DISABLED":    "2",
		"state:DESTROYED":   "5",
	} {
		for _, size := range []int32{0, 1, 2, 7} {
			req := &pb.ListSecretVersionsRequest{Parent: name, Filter: filter, PageSize: size}
			it := client.ListSecretVersions(deadline(t), req)
			var got []string
			var last time.Time
			for {
				v, err := it.Next()
				if errors.Is(err, iterator.Done) {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				if created := v.GetCreateTime().AsTime(); last.IsZero() || created.Before(last) {
					last = created
				} else {
					t.Errorf("%q: %s is not older than the one before", filter, v.GetName())
				}
				got = append(got, v.GetName()[strings.LastIndex(v.GetName(), "/")+1:])
			}
			if diff := cmp.Diff(want, strings.Join(got, " ")); diff != "" {
				t.Errorf("%q, pages of %d: %s", filter, size, diff)
			}
			if total := it.Response.(*pb.ListSecretVersionsResponse).GetTotalSize(); int(total) != len(got) {
				t.Errorf("%q: total %d, want %d", filter, total, len(got))
			}
		}
	}
}

func TestListSecrets(t *testing.T) {
	t.Parallel()
	s, client := start(t, secrets.Options{})
	for _, id := range []string{"c", "a", "b"} {
		s.Create("projects/p/secrets/" + id)
	}
	s.Create("projects/other/secrets/x")
	it := client.ListSecrets(deadline(t), &pb.ListSecretsRequest{Parent: "projects/p", PageSize: 2})
	var got []string
	for {
		sec, err := it.Next()
		if errors.Is(err, iterator.Done) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, sec.GetName())
	}
	want := []string{"projects/p/secrets/a", "projects/p/secrets/b", "projects/p/secrets/c"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
