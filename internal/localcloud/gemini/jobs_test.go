package gemini

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/genai"
	"google.golang.org/genai/interactions/models/apierrors"
	"google.golang.org/genai/interactions/models/interactions"
	"google.golang.org/genai/interactions/models/operations"
)

// interact creates a background interaction with the SDK.
func interact(t *testing.T, client *genai.Client, body interactions.CreateModelInteraction) (*interactions.Interaction, error) {
	t.Helper()
	body.Model = interactions.ModelGemini25Flash
	body.Input = ptr(interactions.NewInteractionsInput("hello"))
	res, err := client.Interactions.Create(t.Context(), operations.CreateInteractionRequest{
		Body: operations.NewCreateInteractionRequestBody(body),
	})
	if err != nil {
		return nil, err
	}
	return res.Interaction, nil
}

func getInteraction(t *testing.T, client *genai.Client, id string) *interactions.Interaction {
	t.Helper()
	res, err := client.Interactions.Get(t.Context(), operations.GetInteractionByIDRequest{ID: id})
	must(t, err)
	return res.Interaction
}

func TestInteractionWithURIs(t *testing.T) {
	t.Parallel()
	registered, r := newReceiver(t, nil), newReceiver(t, nil)
	s, client := start(t, Options{BatchDuration: time.Hour}) // 0.4 s
	create(t, client, registered.URL, "interaction.completed")
	metadata := map[string]any{"job": "42"}
	i, err := interact(t, client, interactions.CreateModelInteraction{Background: ptr(true),
		WebhookConfig: &interactions.WebhookConfig{Uris: []string{r.URL}, UserMetadata: metadata}})
	must(t, err)
	if got := getInteraction(t, client, *i.ID); i.Status != "in_progress" || got.Status != "in_progress" || *got.Model != interactions.ModelGemini25Flash {
		t.Errorf("status %s, then %s, of model %s", i.Status, got.Status, *got.Model)
	}
	g := r.wait(t, 1)[0]
	event := decodeEvent(t, g.body)
	want := envelope{Type: "interaction.completed", Version: "v1", Timestamp: event.Timestamp,
		Data: map[string]any{"id": *i.ID}, UserMetadata: metadata}
	if diff := cmp.Diff(want, event); diff != "" {
		t.Errorf("event (-want +got):\n%s", diff)
	}
	if set, _ := fetchKeys(t, s); set.ed25519(t, g) < 0 {
		t.Error("the delivery is not signed")
	}
	if got := getInteraction(t, client, *i.ID); got.Status != "completed" || got.OutputText == nil || *got.OutputText == "" || *got.Usage.TotalTokens == 0 {
		t.Errorf("interaction %+v", got)
	}
	time.Sleep(50 * time.Millisecond)
	if n := len(registered.all()); n != 0 {
		t.Errorf("%d deliveries at the registered webhook", n)
	}
}

func TestInteractionCancelledAndDeleted(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, nil)
	_, client := start(t, Options{BatchDuration: 5 * time.Hour}) // 2 s
	_, secret := create(t, client, r.URL, "interaction.completed")
	var ids []string
	for range 2 {
		i, err := interact(t, client, interactions.CreateModelInteraction{Background: ptr(true)})
		must(t, err)
		ids = append(ids, *i.ID)
	}
	for range 2 { // the second time does nothing
		res, err := client.Interactions.Cancel(t.Context(), operations.CancelInteractionByIDRequest{ID: ids[0]})
		if err != nil || res.Interaction.Status != "cancelled" {
			t.Fatalf("cancel: %v", err)
		}
	}
	must(t, errOf(client.Interactions.Delete(t.Context(), operations.DeleteInteractionRequest{ID: ids[1]})))
	g := r.wait(t, 1)[0]
	event := decodeEvent(t, g.body)
	if diff := cmp.Diff(map[string]any{"id": ids[0]}, event.Data); event.Type != "interaction.cancelled" || diff != "" || !g.verifies(t, secret) {
		t.Errorf("event %q (-want +got):\n%s", event.Type, diff)
	}
	_, err := client.Interactions.Get(t.Context(), operations.GetInteractionByIDRequest{ID: ids[1]})
	var missing *apierrors.GetInteractionByIDClientError
	if !errors.As(err, &missing) || missing.HTTPMeta.Response.StatusCode != 404 || *missing.Error_.Code != "not_found" {
		t.Errorf("get after delete: %v", err)
	}
	time.Sleep(2200 * time.Millisecond)
	if n := len(r.all()); n != 1 {
		t.Errorf("%d events, want that of the cancelled one only", n)
	}
}

func TestInteractionsRefused(t *testing.T) {
	t.Parallel()
	s, client := start(t, Options{})
	_, err := interact(t, client, interactions.CreateModelInteraction{})
	var refused *apierrors.CreateInteractionClientError
	if !errors.As(err, &refused) || refused.HTTPMeta.Response.StatusCode != 400 || *refused.Error_.Code != "invalid_argument" {
		t.Errorf("in the foreground: %v", err)
	}
	code, out := call(t, s, "POST", "/v1beta/interactions", `{"agent":"deep-research","input":[{"type":"text","text":"x"}],"background":true}`, keyHeader)
	if code != 200 || out["agent"] != "deep-research" {
		t.Errorf("of an agent: status %d, %v", code, out)
	}
}

func TestVideoWithURIs(t *testing.T) {
	t.Parallel()
	registered, r := newReceiver(t, nil), newReceiver(t, nil)
	s, client := start(t, Options{BatchDuration: time.Hour, DynamicSigningFor: all(SchemeRS256)})
	_, secret := create(t, client, registered.URL, "video.generated")
	metadata := map[string]any{"job": "42"}
	generate := func(webhook *genai.WebhookConfig) *genai.GenerateVideosOperation {
		op, err := client.Models.GenerateVideosFromSource(t.Context(), "veo-3.1-generate-preview", &genai.GenerateVideosSource{Prompt: "a cat"},
			&genai.GenerateVideosConfig{AspectRatio: "16:9", WebhookConfig: webhook})
		if err != nil || op.Done {
			t.Fatalf("done, or %v", err)
		}
		return op
	}
	op := generate(&genai.WebhookConfig{Uris: []string{r.URL}, UserMetadata: metadata})
	if got, err := client.Operations.GetVideosOperation(t.Context(), op, nil); err != nil || got.Done {
		t.Errorf("at first: done, or %v", err)
	}
	g := r.wait(t, 1)[0]
	done, err := client.Operations.GetVideosOperation(t.Context(), op, nil)
	if err != nil || !done.Done || len(done.Response.GeneratedVideos) != 1 {
		t.Fatalf("at last: %+v, %v", done, err)
	}
	event := decodeEvent(t, g.body)
	fileName, _ := event.Data.(map[string]any)["file_name"].(string)
	want := envelope{Type: "video.generated", Version: "v1", Timestamp: event.Timestamp, UserMetadata: metadata,
		Data: map[string]any{"id": op.Name, "file_name": fileName, "output_file_uri": done.Response.GeneratedVideos[0].Video.URI}}
	if diff := cmp.Diff(want, event); diff != "" {
		t.Errorf("event (-want +got):\n%s", diff)
	}
	if set, _ := fetchKeys(t, s); set.rs256(t, g) == nil {
		t.Error("the delivery is not signed")
	}
	fromResponse, err := client.Files.Download(t.Context(), genai.NewDownloadURIFromGeneratedVideo(done.Response.GeneratedVideos[0]), nil)
	if err != nil || string(fromResponse) != videoHead {
		t.Errorf("download: %d bytes, %v", len(fromResponse), err)
	}
	f, err := client.Files.Get(t.Context(), fileName, nil)
	if err != nil || f.MIMEType != "video/mp4" || *f.SizeBytes != int64(len(videoHead)) {
		t.Errorf("file %q: %+v, %v", fileName, f, err)
	}

	plain := generate(nil) // without URIs the event goes to the registered webhook, and nothing else did
	g = registered.wait(t, 1)[0]
	if data := decodeEvent(t, g.body).Data.(map[string]any); data["id"] != plain.Name || !g.verifies(t, secret) {
		t.Errorf("static delivery of %v", data)
	}
}

func TestJobsRefused(t *testing.T) {
	t.Parallel()
	s, _ := start(t, Options{})
	for path, bodies := range map[string][]string{
		"models/m:batchGenerateContent": {
			`{}`, `{"batch":{}}`, `{"batch":{"inputConfig":{"fileName":"f","requests":{"requests":[{"request":{}}]}}}}`,
			`{"batch":{"input_config":{"requests":{"requests":[7]}}}}`, `{"batch":{"surprise":1}}`,
		},
		"interactions": {
			`{}`, `{"model":"m","input":"x","background":true,"stream":true}`, `{"model":"m","background":true}`,
			`{"model":"m","input":null,"background":true}`, `{"input":"x","background":true}`, `{"model":"m","agent":"a","input":"x","background":true}`,
			`{"model":"m","input":"x","background":true,"surprise":1}`, `{"model":"m","input":"x","background":true,"webhook_config":{"uris":["ftp://h"]}}`,
		},
		"models/veo:predictLongRunning": {
			`{}`, `{"instances":[]}`, `{"instances":[{},{}]}`, `{"instances":[{}],"surprise":1}`, `{"instances":[{}],"webhookConfig":{"uris":[""]}}`,
		},
	} {
		for _, body := range bodies {
			if code, _ := call(t, s, "POST", "/v1beta/"+path, body, keyHeader); code != 400 {
				t.Errorf("%s %s: status %d, want 400", path, body, code)
			}
		}
	}
	for path, method := range map[string]string{"models/veo/operations/none": "GET", "models/veo:generateContent": "POST"} {
		if code, _ := call(t, s, method, "/v1beta/"+path, `{}`, keyHeader); code != 404 {
			t.Errorf("%s: status %d, want 404", path, code)
		}
	}
}
