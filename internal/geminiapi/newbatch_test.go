package geminiapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/gemini-webhook/internal/localcloud/gemini"
	"example.com/gemini-webhook/internal/retry"
	"example.com/gemini-webhook/internal/secret"
)

func newBatches(t *testing.T, url string) NewBatches {
	t.Helper()
	t.Setenv("GOOGLE_GEMINI_BASE_URL", url)
	key := func(context.Context) (secret.Value, error) { return secret.NewValue([]byte("the-key")), nil }
	return Batches{API: New(key)}.NewBatches(WebhooksConfig{Key: key})
}

// TestNewBatches: batches are made of what was sent, and found by their names.
func TestNewBatches(t *testing.T) {
	g, err := gemini.Start(gemini.Options{APIKey: "the-key"})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	n := newBatches(t, g.URL())
	for i, embeddings := range []bool{false, true} {
		file, err := n.Send(t.Context(), "d1", strings.NewReader(`{"key":"a","request":{"contents":[]}}`+"\n"))
		if err != nil {
			t.Fatal(err)
		}
		name, err := n.Create(t.Context(), retry.Job{DisplayName: fmt.Sprint("n ", i), Model: "models/m", Embeddings: embeddings, File: file, Metadata: map[string]any{"a": 1}})
		if err != nil {
			t.Fatal(err)
		}
		found, err := n.Named(t.Context(), fmt.Sprint("n ", i))
		job, readErr := n.Read(t.Context(), name, nil)
		if diff := cmp.Diff([]string{name}, found); diff != "" || err != nil || readErr != nil || job.InputFile != file || job.Model != "models/m" {
			t.Errorf("%v, %v, %+v (-made +found):\n%s", err, readErr, job, diff)
		}
	}
	if found, err := n.Named(t.Context(), "n"); len(found) != 0 || err != nil {
		t.Errorf("a name that no batch has: %v, %v", found, err)
	}
}

// TestNewBatchIsAskedForOnce: with the metadata as it is, and refusals are told from
// what may have been done.
func TestNewBatchIsAskedForOnce(t *testing.T) {
	for name, test := range map[string]struct {
		status  int
		message string
		word    string
		refused bool
		lasting bool
		config  bool
	}{
		"metadata is refused": {400, `Unknown name \"userMetadata\" at 'batch.webhook_config': Cannot find field. the-key`, "INVALID_ARGUMENT", true, true, true},
		"another refusal":     {400, "no such model: the-key", "INVALID_ARGUMENT", true, true, false},
		"no such model":       {404, "", "NOT_FOUND", true, true, false},
		"not ready yet":       {400, "", "FAILED_PRECONDITION", true, false, false},
		"too many":            {429, "", "RESOURCE_EXHAUSTED", true, false, false},
		"a failure":           {503, "", "UNAVAILABLE", false, false, false},
		"no JSON":             {200, "", "", false, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			var bodies []string
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				bodies = append(bodies, r.URL.Path+" "+string(body))
				if test.status == 200 {
					fmt.Fprint(w, "the-key")
					return
				}
				w.WriteHeader(test.status)
				fmt.Fprintf(w, `{"error":{"code":%d,"message":"%s","status":%q}}`, test.status, test.message, test.word)
			}))
			defer server.Close()
			n := newBatches(t, server.URL)
			for _, embeddings := range []bool{false, true} {
				bodies = nil
				_, err := n.Create(t.Context(), retry.Job{
					DisplayName: "n", Model: "models/m", Embeddings: embeddings, File: "files/f", URIs: []string{"https://r.example/x"},
					Metadata: map[string]any{"retry_of": "batches/b", "n": json.RawMessage("9007199254740993")},
				})
				if errors.Is(err, retry.ErrRefused) != test.refused || errors.Is(err, retry.ErrLasting) != test.lasting || errors.Is(err, ErrWebhookConfig) != test.config || err == nil || strings.Contains(err.Error(), "the-key") {
					t.Errorf("got %v", err)
				}
				if len(bodies) != 1 || !strings.Contains(bodies[0], `"webhookConfig":{"uris":["https://r.example/x"],"userMetadata":{"n":9007199254740993,"retry_of":"batches/b"}}`) ||
					strings.Contains(bodies[0], "asyncBatchEmbedContent") != embeddings {
					t.Errorf("asked for %q", bodies)
				}
			}
		})
	}
}
