package gemini

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/genai"
)

func TestBatchesRefused(t *testing.T) {
	t.Parallel()
	s, client := start(t, Options{})
	_, err := client.Batches.Create(t.Context(), "gemini-2.5-flash", &genai.BatchJobSource{FileName: "files/none"}, nil)
	var api genai.APIError
	if !errors.As(err, &api) || api.Code != 404 {
		t.Errorf("missing file: %v", err)
	}
	for _, uri := range []string{"http://example.com/path-token", "/path-token", "https:path-token", "", "https://h/path-token#f", "https://h/%zz/path-token"} {
		_, err = client.Batches.Create(t.Context(), "gemini-2.5-flash", &genai.BatchJobSource{FileName: uploadText(t, client, requests(1))},
			&genai.CreateBatchJobConfig{WebhookConfig: &genai.WebhookConfig{Uris: []string{"https://example.com", uri}}})
		if !errors.As(err, &api) || api.Code != 400 || api.Status != "INVALID_ARGUMENT" || !strings.Contains(api.Message, "webhook_config.uris") ||
			strings.Contains(api.Message, "path-token") {
			t.Errorf("uri %q: %v", uri, err)
		}
	}
	body := `{"batch":{"display_name":"snake","input_config":{"requests":{"requests":[{"request":{"contents":[]},"metadata":{"key":"1"}}]}}}}`
	if code, out := call(t, s, "POST", "/v1beta/models/m:batchGenerateContent", body, keyHeader); code != 200 {
		t.Errorf("snake case: status %d: %v", code, out)
	}
}

func TestSameSeedSameResults(t *testing.T) {
	t.Parallel()
	results := func(seed uint64) []string {
		sink, r := &memorySink{}, newReceiver(t, nil)
		s, client := start(t, Options{Seed: seed, ResultPointer: PointerBucket, ResultBucket: "b", Sink: sink, FailedShare: 0.2})
		_, secret := create(t, client, r.URL)
		name := createBatch(t, client, &genai.BatchJobSource{FileName: uploadText(t, client, requests(30))}, nil)
		id := r.wait(t, 1)[0].header.Get("webhook-id")
		set, _ := fetchKeys(t, s)
		return append(set.kids(), secret, name, id, string(sink.get("gs://b/"+name+"/results.jsonl")))
	}
	first, second, other := results(7), results(7), results(8)
	if diff := cmp.Diff(first[1:], second[1:]); diff != "" {
		t.Errorf("same seed (-first +second):\n%s", diff)
	}
	if first[0] == second[0] {
		t.Error("two servers have the same RSA kid, with different keys")
	}
	for i := range other {
		if other[i] == first[i] {
			t.Errorf("another seed gives the same %.40s", other[i])
		}
	}
}
