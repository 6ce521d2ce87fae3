package gemini

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/genai"
)

var keyHeader = map[string]string{"x-goog-api-key": testKey}

// createRaw is createNamed for a batch called raw.
func createRaw(t *testing.T, s *Server, method string, n int) (name string) {
	t.Helper()
	return createNamed(t, s, method, "raw", n)
}

// createNamed creates a batch of n inlined requests without the SDK and waits for its end.
func createNamed(t *testing.T, s *Server, method, displayName string, n int) (name string) {
	t.Helper()
	var entries []string
	for i := range n {
		entries = append(entries, fmt.Sprintf(`{"request":{},"metadata":{"key":"k%d"}}`, i))
	}
	body := `{"batch":{"displayName":"` + displayName + `","inputConfig":{"requests":{"requests":[` + strings.Join(entries, ",") + `]}}}}`
	code, out := call(t, s, "POST", "/v1beta/models/m:"+method, body, keyHeader)
	if code != 200 {
		t.Fatalf("create: status %d: %v", code, out)
	}
	name = out["name"].(string)
	eventually(t, "the end of "+name, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		b, err := s.batches.find(strings.TrimPrefix(name, batchPrefix))
		return err == nil && !b.active()
	})
	return name
}

// paths are where values are in a JSON document, elements of lists as their number of elements.
func paths(prefix string, v any, out map[string]any) map[string]any {
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			paths(strings.TrimPrefix(prefix+"."+name, "."), member, out)
		}
	case []any:
		out[prefix] = len(v)
		if len(v) > 0 {
			for name := range v[0].(map[string]any) {
				out[prefix+"[]."+name] = true
			}
		}
	default:
		out[prefix] = v
	}
	return out
}

// What batches.get shows of a batch of two, beside what is the same in all.
func TestBatchForms(t *testing.T) {
	t.Parallel()
	const list, items = "inlinedResponses.inlinedResponses", ".inlinedResponses.inlinedResponses[]"
	outputType := map[string]any{"response.@type": typePrefix + "GenerateContentBatchOutput"}
	in := func(more map[string]any, lists ...string) map[string]any { // lists of two responses that have metadata
		out := map[string]any{"metadata.state": "BATCH_STATE_SUCCEEDED", "done": true, "metadata.batchStats.successfulRequestCount": "2"}
		for _, l := range lists {
			out[l], out[l+"[].response"], out[l+"[].metadata"] = 2, true, true
		}
		for name, value := range more {
			if out[name] = value; value == nil {
				delete(out, name)
			}
		}
		return out
	}
	for name, c := range map[string]struct {
		form  BatchOptions
		embed bool
		want  map[string]any
	}{
		"as the live API": {want: in(outputType, "response."+list, "metadata.output."+list)},
		"nested once":     {form: BatchOptions{Once: true}, want: in(outputType, "response.inlinedResponses", "metadata.output.inlinedResponses")},
		"elsewhere":       {form: BatchOptions{Places: []string{"output", "dest"}}, want: in(nil, "output."+list, "dest."+list)},
		"no metadata in items": {form: BatchOptions{Places: []string{"dest"}, NoItemMetadata: true},
			want: in(map[string]any{"dest" + items + ".metadata": nil}, "dest."+list)},
		"no output":  {form: BatchOptions{NoOutput: true}, want: in(nil)},
		"empty list": {form: BatchOptions{EmptyList: true, Places: []string{"output"}}, want: in(map[string]any{"output." + list: 0})},
		"still running": {form: BatchOptions{Running: true},
			want: map[string]any{"metadata.state": "BATCH_STATE_RUNNING", "metadata.batchStats.pendingRequestCount": "2"}},
		"embeddings": {embed: true, want: in(map[string]any{"response.@type": typePrefix + "EmbedContentBatchOutput"},
			"response."+list, "metadata.output."+list)},
		"embeddings as documented": {embed: true, form: BatchOptions{EmbedName: true, Places: []string{"output"}},
			want: in(nil, "output.inlinedEmbedContentResponses.inlinedResponses")},
		"failed": {form: BatchOptions{End: EndFailed}, want: map[string]any{"metadata.state": "BATCH_STATE_FAILED", "done": true,
			"error.code": 13.0, "error.message": "Internal error encountered.", "metadata.batchStats.pendingRequestCount": "2"}},
		"without its end": {form: BatchOptions{End: EndFailed, NoEndTime: true}, want: map[string]any{"metadata.state": "BATCH_STATE_FAILED",
			"done": true, "error.code": 13.0, "error.message": "Internal error encountered.", "metadata.batchStats.pendingRequestCount": "2"}},
		"cancelled": {form: BatchOptions{End: EndCancelled}, want: map[string]any{"metadata.state": "BATCH_STATE_CANCELLED", "done": true,
			"metadata.batchStats.pendingRequestCount": "2"}},
		"expired": {form: BatchOptions{End: EndExpired}, want: map[string]any{"metadata.state": "BATCH_STATE_EXPIRED", "done": true,
			"metadata.batchStats.pendingRequestCount": "2"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := start(t, Options{BatchFor: func(displayName string) BatchOptions {
				if displayName != "raw" {
					t.Errorf("asked for %q", displayName)
				}
				return c.form
			}})
			method := "batchGenerateContent"
			c.want["metadata.@type"] = typePrefix + "GenerateContentBatch"
			if c.embed {
				method, c.want["metadata.@type"] = "asyncBatchEmbedContent", typePrefix+"EmbedContentBatch"
			}
			job := createRaw(t, s, method, 2)
			_, out := call(t, s, "GET", "/v1beta/"+job, "", keyHeader)
			got := paths("", out, map[string]any{})
			for _, time := range []string{"createTime", "updateTime", "endTime"} {
				if _, shown := got["metadata."+time]; shown == (time == "endTime" && (out["done"] == nil || c.form.NoEndTime)) {
					t.Errorf("%s shown: %t", time, shown)
				}
				delete(got, "metadata."+time)
			}
			for name, value := range map[string]any{"name": job, "metadata.name": job, "metadata.model": "models/m",
				"metadata.displayName": "raw", "metadata.batchStats.requestCount": "2"} {
				c.want[name] = value
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("batches.get (-want +got):\n%s", diff)
			}
			_, listed := call(t, s, "GET", "/v1beta/batches", "", keyHeader)
			if diff := cmp.Diff([]any{out}, listed["operations"]); diff != "" {
				t.Errorf("batches.list (-get +list):\n%s", diff)
			}
		})
	}
}

func TestEventForms(t *testing.T) {
	t.Parallel()
	const generated = "https://generativelanguage.googleapis.com/v1beta/files/"
	for name, c := range map[string]struct {
		opts Options
		kind string
		want map[string]string // <id> is the batch's
	}{
		"no pointer": {Options{}, "batch.succeeded", map[string]string{"id": "batches/<id>"}},
		"file": {Options{ResultPointer: PointerFile}, "batch.succeeded",
			map[string]string{"id": "batches/<id>", "output_file_uri": "files/batch-<id>"}},
		"url": {Options{ResultPointer: PointerURL}, "batch.succeeded",
			map[string]string{"id": "batches/<id>", "output_file_uri": generated + "batch-<id>:download?alt=media"}},
		"bucket": {Options{ResultPointer: PointerBucket, ResultBucket: "b", Sink: &memorySink{}}, "batch.succeeded",
			map[string]string{"id": "batches/<id>", "output_file_uri": "gs://b/batches/<id>/results.jsonl"}},
		"old": {Options{OldEvents: true, ResultPointer: PointerFile}, "batch.completed",
			map[string]string{"id": "batch_<id>", "output_file_uri": "files/batch-<id>"}},
		"expired": {Options{BatchFor: func(string) BatchOptions { return BatchOptions{End: EndExpired} }}, "batch.expired",
			map[string]string{"id": "batches/<id>"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newReceiver(t, nil)
			_, client := start(t, c.opts)
			create(t, client, r.URL)
			job := createBatch(t, client, &genai.BatchJobSource{FileName: uploadText(t, client, requests(1))}, nil)
			id := strings.TrimPrefix(job, "batches/")
			event := decodeEvent(t, r.wait(t, 1)[0].body)
			want := map[string]any{}
			for name, value := range c.want {
				want[name] = strings.ReplaceAll(value, "<id>", id)
			}
			if diff := cmp.Diff(want, event.Data); event.Type != c.kind || len(id) != 36 || diff != "" {
				t.Errorf("%s of a job with an id of %d characters (-want +got):\n%s", event.Type, len(id), diff)
			}
		})
	}
}

func TestOldVideoEvent(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, nil)
	s, client := start(t, Options{OldEvents: true})
	create(t, client, r.URL, "video.generated")
	_, op := call(t, s, "POST", "/v1beta/models/veo:predictLongRunning", `{"instances":[{}]}`, keyHeader)
	data := decodeEvent(t, r.wait(t, 1)[0].body).Data.(map[string]any)
	file, _ := data["file_id"].(string)
	if diff := cmp.Diff(map[string]any{"id": op["name"], "file_id": file, "video_uri": downloadURL(file)}, data); diff != "" || file == "" {
		t.Errorf("data (-want +got):\n%s", diff)
	}
}

// A job whose event is not sent shows its end all the same.
func TestNoEvent(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, nil)
	s, client := start(t, Options{
		BatchFor:       func(string) BatchOptions { return BatchOptions{NoEvent: true} },
		InteractionFor: func(map[string]string) InteractionOptions { return InteractionOptions{NoEvent: true} },
		VideoFor:       func(string) VideoOptions { return VideoOptions{NoEvent: true} },
	})
	create(t, client, r.URL, "batch.succeeded", "interaction.completed", "video.generated")
	createRaw(t, s, "batchGenerateContent", 1)
	_, video := call(t, s, "POST", "/v1beta/models/veo:predictLongRunning", `{"instances":[{}]}`, keyHeader)
	_, i := call(t, s, "POST", "/v1beta/interactions", `{"model":"m","input":"x","background":true}`, keyHeader)
	eventually(t, "the end of all", func() bool {
		_, op := call(t, s, "GET", "/v1beta/"+video["name"].(string), "", keyHeader)
		_, got := call(t, s, "GET", "/v1beta/interactions/"+i["id"].(string), "", keyHeader)
		return op["done"] == true && got["status"] == "completed"
	})
	time.Sleep(30 * time.Millisecond)
	if n := len(r.all()); n != 0 {
		t.Errorf("%d events", n)
	}
}

func TestInteractionStatuses(t *testing.T) {
	t.Parallel()
	for status, c := range map[string]struct {
		steps string // their types
		event bool
	}{
		"completed":             {"thought function_call function_result model_output", true},
		"requires_action":       {"thought function_call", true},
		"failed":                {"", true},
		"incomplete":            {"thought function_call function_result model_output", false},
		"requires_continuation": {"thought function_call function_result model_output", false},
		"queued":                {"", false},
	} {
		t.Run(status, func(t *testing.T) {
			t.Parallel()
			r := newReceiver(t, nil)
			s, client := start(t, Options{InteractionFor: func(labels map[string]string) InteractionOptions {
				return InteractionOptions{Status: labels["status"], OutputBytes: 300_000}
			}})
			create(t, client, r.URL, "interaction.completed", "interaction.requires_action", "interaction.failed")
			_, made := call(t, s, "POST", "/v1beta/interactions", `{"agent":"deep-research","input":"x","background":true,"tools":[{"type":"function"}],`+
				`"labels":{"status":"`+status+`"},"previous_interaction_id":"v1_before"}`, keyHeader)
			path := "/v1beta/interactions/" + made["id"].(string)
			var got map[string]any
			eventually(t, "its end", func() bool {
				_, got = call(t, s, "GET", path, "", keyHeader)
				return got["status"] == status
			})
			var types []string
			steps, _ := got["steps"].([]any)
			for _, step := range steps {
				types = append(types, step.(map[string]any)["type"].(string))
			}
			if strings.Join(types, " ") != c.steps {
				t.Errorf("steps %v, want %s", types, c.steps)
			}
			if got["agent"] != "deep-research" || got["previous_interaction_id"] != "v1_before" || got["labels"].(map[string]any)["status"] != status ||
				got["input"] != nil || (got["errors"] != nil) != (status == "failed") {
				t.Errorf("interaction: %.300v", got)
			}
			if _, with := call(t, s, "GET", path+"?include_input=true", "", keyHeader); with["input"] != "x" {
				t.Errorf("input: %v", with["input"])
			}
			if text, _ := json.Marshal(got); strings.HasSuffix(c.steps, "model_output") && len(text) < 256<<10 {
				t.Errorf("only %d bytes", len(text))
			}
			if !c.event {
				time.Sleep(20 * time.Millisecond)
				if n := len(r.all()); n != 0 {
					t.Errorf("%d events", n)
				}
				return
			}
			event := decodeEvent(t, r.wait(t, 1)[0].body)
			want := map[string]any{"id": made["id"]}
			if status == "failed" {
				want["error_code"], want["error_message"] = "internal", "Internal error encountered."
			}
			if diff := cmp.Diff(want, event.Data); diff != "" || event.Type != "interaction."+status {
				t.Errorf("event %s (-want +got):\n%s", event.Type, diff)
			}
		})
	}
}

// fetch makes a request whose answer may be large, or a redirect.
func fetch(t *testing.T, s *Server, path string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "GET", s.URL()+path, nil)
	must(t, err)
	req.Header.Set("x-goog-api-key", testKey)
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	must(t, err)
	t.Cleanup(func() { resp.Body.Close() })
	return resp
}

// Answers of hundreds of MB are made while they are read, not held: inlined responses, a result file, a video.
func TestLargeAnswersAreStreamed(t *testing.T) { // not parallel: it measures the heap
	if testing.Short() {
		t.Skip("it makes 400 MB; run without -short")
	}
	s, client := start(t, Options{
		Retention: -1, // two days of the simulated time are over before the last is read
		BatchFor:  func(string) BatchOptions { return BatchOptions{AnswerBytes: 10 << 10, Places: []string{"response"}} },
		VideoFor:  func(string) VideoOptions { return VideoOptions{Bytes: 100 << 20} },
	})
	inline := createRaw(t, s, "batchGenerateContent", 10_000)
	file := createBatch(t, client, &genai.BatchJobSource{FileName: uploadText(t, client, requests(10_000))}, nil)
	_, op := call(t, s, "POST", "/v1beta/models/veo:predictLongRunning", `{"instances":[{}]}`, keyHeader)
	var video string
	eventually(t, "the end of all", func() bool {
		_, job := call(t, s, "GET", "/v1beta/"+file, "", keyHeader)
		_, done := call(t, s, "GET", "/v1beta/"+op["name"].(string), "", keyHeader)
		if job["done"] != true || done["done"] != true {
			return false
		}
		for path, value := range paths("", done["response"].(map[string]any)["generateVideoResponse"].(map[string]any)["generatedSamples"].([]any)[0], map[string]any{}) {
			if path == "video.uri" {
				video = strings.TrimPrefix(value.(string), "https://generativelanguage.googleapis.com")
			}
		}
		return true
	})
	for name, path := range map[string]string{
		"inlined responses": "/v1beta/" + inline,
		"result file":       "/download/v1beta/files/batch-" + strings.TrimPrefix(file, "batches/") + ":download?alt=media",
		"video":             video,
	} {
		body := fetch(t, s, path).Body
		size, highest, buf := 0, uint64(0), make([]byte, 1<<20)
		for read := 0; ; read++ {
			n, err := io.ReadFull(body, buf)
			size += n
			if read%16 == 0 {
				var stats runtime.MemStats
				runtime.GC()
				runtime.ReadMemStats(&stats)
				highest = max(highest, stats.HeapAlloc)
			}
			if err != nil {
				break
			}
		}
		t.Logf("%s: %d MB with %d MB of heap at most", name, size/1e6, highest/1e6)
		if size < 100e6 || highest > 32e6 {
			t.Errorf("%s: %d bytes with %d bytes of heap, want over 100 MB with less than 32 MB", name, size, highest)
		}
	}
}
