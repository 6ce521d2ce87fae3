package gemini

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/genai"
)

var inlineSource = &genai.BatchJobSource{InlinedRequests: []*genai.InlinedRequest{{Contents: genai.Text("hello")}}}

// all signs what goes to any URI by one scheme.
func all(scheme Scheme) func(string) Scheme { return func(string) Scheme { return scheme } }

func TestBatchWithURIs(t *testing.T) {
	t.Parallel()
	for _, scheme := range []Scheme{SchemeEd25519, SchemeRS256} {
		t.Run(string(scheme), func(t *testing.T) {
			t.Parallel()
			registered, first, second := newReceiver(t, nil), newReceiver(t, nil), newReceiver(t, nil)
			s, client := start(t, Options{DynamicSigningFor: all(scheme), ResultPointer: PointerFile})
			create(t, client, registered.URL)
			metadata := map[string]any{"job": "42", "n": 7.0, "nested": map[string]any{"a": true}}
			name := createBatch(t, client, &genai.BatchJobSource{FileName: uploadText(t, client, requests(3))}, &genai.CreateBatchJobConfig{
				WebhookConfig: &genai.WebhookConfig{Uris: []string{first.URL + "/dynamic/token/a?x=1", second.URL}, UserMetadata: metadata},
			})

			deliveries := []got{first.wait(t, 1)[0], second.wait(t, 1)[0]}
			job, err := client.Batches.Get(t.Context(), name, nil)
			must(t, err)
			set, _ := fetchKeys(t, s)
			data := map[string]any{"id": name, "output_file_uri": job.Dest.FileName}
			want := envelope{Type: "batch.succeeded", Version: "v1", Data: data, UserMetadata: metadata}
			for i, g := range deliveries {
				event := decodeEvent(t, g.body)
				want.Timestamp = event.Timestamp
				if diff := cmp.Diff(want, event); diff != "" {
					t.Errorf("event at URI %d (-want +got):\n%s", i+1, diff)
				}
				if !set.signedBy(t, scheme, g) || g.entries() != 1 || !messageID.MatchString(g.header.Get("webhook-id")) {
					t.Errorf("the delivery to URI %d is not signed, or not once, or its id is not msg_<uuid>", i+1)
				}
			}
			if deliveries[0].header.Get("webhook-id") == deliveries[1].header.Get("webhook-id") {
				t.Error("both URIs got the same id")
			}
			time.Sleep(50 * time.Millisecond)
			if n := []int{len(registered.all()), len(first.all()), len(second.all())}; !cmp.Equal([]int{0, 1, 1}, n) {
				t.Errorf("deliveries at the webhook and the URIs: %v, want 0, 1, 1", n)
			}
		})
	}
}

// A batch shows what it was created with: its file, and its webhook_config unless its options say otherwise.
func TestBatchShowsItsConfig(t *testing.T) {
	t.Parallel()
	s, client := start(t, Options{BatchFor: func(displayName string) BatchOptions {
		return BatchOptions{NoWebhookConfig: displayName == "without"}
	}})
	file := uploadText(t, client, requests(1))
	for displayName, want := range map[string]any{
		"with":    map[string]any{"uris": []any{"https://h/x"}, "userMetadata": map[string]any{"job": "42"}},
		"without": nil,
	} {
		name := createBatch(t, client, &genai.BatchJobSource{FileName: file}, &genai.CreateBatchJobConfig{DisplayName: displayName,
			WebhookConfig: &genai.WebhookConfig{Uris: []string{"https://h/x"}, UserMetadata: map[string]any{"job": "42"}}})
		_, out := call(t, s, "GET", "/v1beta/"+name, "", keyHeader)
		metadata := out["metadata"].(map[string]any)
		if diff := cmp.Diff(want, metadata["webhookConfig"]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", displayName, diff)
		}
		if diff := cmp.Diff(any(map[string]any{"fileName": file}), metadata["inputConfig"]); diff != "" {
			t.Errorf("input of %s (-want +got):\n%s", displayName, diff)
		}
	}
}

func TestEmitToRefuses(t *testing.T) {
	t.Parallel()
	s, _ := start(t, Options{})
	for _, uri := range []string{"", "example.com/path-token", "http://example.com/path-token", "https:///path-token", "https://h/%zz/path-token"} {
		if _, err := s.EmitTo(uri, "batch.succeeded", nil, EmitOptions{}); !errors.Is(err, ErrURI) || strings.Contains(err.Error(), "path-token") {
			t.Errorf("uri %q: %v, want ErrURI without it", uri, err)
		}
	}
	for _, scheme := range []Scheme{SchemeHMAC, "v1a"} {
		if _, err := s.EmitTo("https://example.com", "batch.succeeded", nil, EmitOptions{Scheme: scheme}); !errors.Is(err, ErrOptions) {
			t.Errorf("scheme %s: %v, want ErrOptions", scheme, err)
		}
	}
	if _, err := s.EmitTo("https://example.com", "batch.succeeded", func() {}, EmitOptions{}); err == nil {
		t.Error("data that is no JSON was taken")
	}
	must(t, s.Close())
	if _, err := s.EmitTo("https://example.com", "batch.succeeded", nil, EmitOptions{}); !errors.Is(err, ErrClosed) {
		t.Errorf("after close: %v, want ErrClosed", err)
	}
}
