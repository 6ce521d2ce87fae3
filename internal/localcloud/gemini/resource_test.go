package gemini

import (
	"path"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestCollections lists in pages, of which what is deleted in between does not shift the next, and deletes.
func TestCollections(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, nil)
	s, client := start(t, Options{BatchDuration: 1000 * day})
	for kind, c := range map[string]struct {
		create           func() string
		items, id, token string
		missing          int
	}{
		"webhooks": {func() string { id, _ := create(t, client, r.URL); return id }, "webhooks", "id", "next_page_token", 404},
		"files":    {func() string { return uploadText(t, client, "x") }, "files", "name", "nextPageToken", 403},
		"batches":  {func() string { return createBatch(t, client, inlineSource, nil) }, "operations", "name", "nextPageToken", 404},
	} {
		t.Run(kind, func(t *testing.T) {
			var want, got []string
			for range 5 {
				want = append(want, c.create())
			}
			var sizes []int
			token := ""
			for {
				_, page := call(t, s, "GET", "/v1beta/"+kind+"?page_size=2&pageToken="+token, "", keyHeader)
				items, _ := page[c.items].([]any)
				for _, item := range items {
					got = append(got, item.(map[string]any)[c.id].(string))
				}
				if sizes = append(sizes, len(items)); page[c.token] == nil {
					break
				}
				token = page[c.token].(string)
				if len(sizes) == 1 {
					first := "/v1beta/" + kind + "/" + path.Base(got[0])
					if code, out := call(t, s, "DELETE", first, "", keyHeader); code != 200 {
						t.Errorf("delete: status %d, %v", code, out)
					}
					for _, method := range []string{"GET", "DELETE"} {
						if code, _ := call(t, s, method, first, "", keyHeader); code != c.missing {
							t.Errorf("%s after delete: status %d, want %d", method, code, c.missing)
						}
					}
				}
			}
			if diff := cmp.Diff(want, got) + cmp.Diff([]int{2, 2, 1}, sizes); diff != "" {
				t.Errorf("names and page sizes (-want +got):\n%s", diff)
			}
		})
	}
	if n := len(r.all()); n != 0 {
		t.Errorf("%d events of deleted batches", n)
	}
}
