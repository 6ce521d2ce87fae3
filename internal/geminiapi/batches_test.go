package geminiapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/genai"

	"example.com/gemini-webhook/internal/event"
	"example.com/gemini-webhook/internal/jsonstream"
	"example.com/gemini-webhook/internal/localcloud/gemini"
	"example.com/gemini-webhook/internal/outcome"
	"example.com/gemini-webhook/internal/source"
)

// TestJobShapes: what the API, its older versions and the SDKs make of a job.
func TestJobShapes(t *testing.T) {
	t.Parallel()
	const item, line = `{ "response" : {"text" : "a b"} }`, `{"response":{"text":"a b"},"index":0}` + "\n"
	inline := source.Job{Inline: true, Items: 1}
	for answer, test := range map[string]struct {
		want  source.Job
		lines string
	}{
		`{"name":"batches/b1","metadata":{"@type":"x","model":"models/m","displayName":"d","state":"BATCH_STATE_SUCCEEDED","createTime":"c","updateTime":"u","endTime":"e",
			"batchStats":{"requestCount":"3","successfulRequestCount":"2"},"inputConfig":{"fileName":"files/in"},"output":{"responsesFile":"files/out"}},
			"done":true,"response":{"@type":"x","responsesFile":"files/out"}}`: {source.Job{
			Batch: outcome.Batch{Name: "batches/b1", DisplayName: "d", Model: "models/m", State: "BATCH_STATE_SUCCEEDED", Created: "c", Ended: "e",
				Requested: 3, HasRequested: true}, Updated: "u", Done: true, ResponsesFile: "files/out", InputFile: "files/in"}, ""},
		`{"metadata":{"webhookConfig":{"uris":["u"],"userMetadata":{"a": 1}},"inputConfig":{"requests":{"requests":[{"request":{}}]}}}}`: {
			source.Job{UserMetadata: `{"a":1}`}, ""},
		`{"done":false,"name":"batches/b1","state":"JOB_STATE_RUNNING","batch_stats":{"request_count":3.0},"display_name":"d","create_time":"c"}`: {
			source.Job{Batch: outcome.Batch{Name: "batches/b1", State: "JOB_STATE_RUNNING", Requested: 3, HasRequested: true, DisplayName: "d", Created: "c"}}, ""},
		`{"metadata":{"batchStats":{"requestCount":"many"}},"error":{"code":3,"message":"m","status":"INVALID_ARGUMENT"}}`:     {source.Job{Error: &event.Error{Code: "3", Message: "m", Status: "INVALID_ARGUMENT"}}, ""},
		`{"metadata":{"webhookConfig":{"uris":["https://r.example/dynamic/token"],"userMetadata":{ "job" : 42, "a_b":null}}}}`: {source.Job{UserMetadata: `{"job":42,"a_b":null}`}, ""},
		`{"webhook_config":{"user_metadata":{"a":"b"}},"metadata":{"webhookConfig":{"userMetadata":"text"}}}`:                  {source.Job{UserMetadata: `{"a":"b"}`}, ""},
		`{"dest":{"fileName":"files/out"},"error":"words"}`:                                                                    {source.Job{ResponsesFile: "files/out"}, ""},
		`{"response":{"inlinedResponses":{"inlinedResponses":[` + item + `]}}}`:                                                {inline, line},
		`{"response":{"inlinedResponses":[` + item + `]}}`:                                                                     {inline, line},
		`{"output":{"inlined_responses":{"inlined_responses":[` + item + `]}}}`:                                                {inline, line},
		`{"dest":{"inlined_embed_content_responses":[` + item + `]}}`:                                                          {inline, line},
		`{"metadata":{"output":{"inlinedEmbedContentResponses":{"inlinedResponses":[` + item + `]}}}}`:                         {inline, line},
		`{"response":{"inlinedResponses":{"inlinedResponses":{"inlinedResponses":[` + item + `]}}}}`:                           {inline, line},
		`{"metadata":{"output":{"inlinedResponses":[` + item + `]}},"response":{"inlinedResponses":[` + item + `]}}`:           {inline, line},
		`{"metadata":{"output":{"inlinedResponses":[]}},"response":{"inlinedResponses":[` + item + `]}}`:                       {inline, line},
		`{"response":{"inlinedResponses":[{},` + "\n" + item + `,{"index":7,"error":{}},null,[]]},"name":"batches/b1"}`: {
			source.Job{Batch: outcome.Batch{Name: "batches/b1"}, Inline: true, Items: 5},
			`{"index":0}` + "\n" + `{"response":{"text":"a b"},"index":1}` + "\n" + `{"index":7,"error":{},"index":2}` + "\nnull\n[]\n"},
		`{"response":{"inlinedResponses":[]}}`:                                   {source.Job{Inline: true}, ""},
		`{"response":{"inlinedResponses":{"inlinedResponses":[]}}}`:              {source.Job{Inline: true}, ""},
		`{"response":{"inlinedResponses":{}}}`:                                   {source.Job{Inline: true}, ""}, // an empty list in protobuf's JSON
		`{"response":{"inlinedResponses":null}}`:                                 {source.Job{}, ""},
		`{"response":{}}`:                                                        {source.Job{}, ""},
		`{"name":7,"done":"true","metadata":[],"response":"x","batchStats":[1]}`: {source.Job{Batch: outcome.Batch{Name: "7"}}, ""},
		`[]`: {source.Job{}, ""},
	} {
		var lines strings.Builder
		got, err := readJob(iotest.HalfReader(strings.NewReader(answer)), &lines)
		if diff := cmp.Diff(test.want, got); diff != "" || err != nil || lines.String() != test.lines {
			t.Errorf("%s\n%v, lines %q, want %q (-want +got):\n%s", answer, err, lines.String(), test.lines, diff)
		}
		unwanted, err := readJob(strings.NewReader(answer), nil)
		if diff := cmp.Diff(test.want, unwanted); diff != "" || err != nil {
			t.Errorf("%s\nwithout lines: %v (-want +got):\n%s", answer, err, diff)
		}
		for _, cut := range []int{1, len(answer) / 2, len(answer) - 1} {
			if job, err := readJob(strings.NewReader(answer[:cut]), io.Discard); !errors.Is(err, jsonstream.ErrCut) || job != (source.Job{}) {
				t.Errorf("%s\ncut: %+v, %v", answer[:cut], job, err)
			}
		}
	}
}

// FuzzJob: whatever an answer is, the lines are the items that encoding/json finds.
func FuzzJob(f *testing.F) {
	for _, seed := range []string{
		`{"response":{"inlinedResponses":{"inlinedResponses":[{"a" : 1},{},"x",[1, 2]]}}}`, `{"metadata":{"output":{"inlinedResponses":[{"a":1}]}},"response":{"inlinedResponses":[2]}}`,
		`{"inlined_responses":[]}`, `{"dest":{"inlinedResponses":{"x":[{}]}}}`, `{"name":"\u00e9","done":true,"error":{"code":1}}`, `[`, ``,
		`{"metadata":{"webhookConfig":{"uris":["u"],"userMetadata":{"a":[1]}}}}`, `{"webhook_config":{"user_metadata":{}},"webhookConfig":7}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, answer []byte) {
		var lines strings.Builder
		job, err := readJob(bytes.NewReader(answer), &lines)
		if valid := json.Valid(answer); valid != (err == nil) {
			t.Fatalf("%q: %v, encoding/json: valid is %v", answer, err, valid)
		}
		if err != nil {
			return
		}
		items := listed(t, answer)
		want := strings.Builder{}
		for i, item := range items {
			var line bytes.Buffer
			if err := json.Compact(&line, item); err != nil {
				t.Fatal(err)
			}
			text := line.String()
			if object, ok := strings.CutSuffix(text, "}"); ok {
				text = fmt.Sprintf(`%s,"index":%d}`, object, i)
				text = strings.Replace(text, "{,", "{", min(1, strings.Count(object[:1], "{")*(2-min(2, len(object)))))
			}
			want.WriteString(text + "\n")
		}
		if lines.String() != want.String() || job.Items != len(items) {
			t.Fatalf("%q: lines %q, want %q", answer, lines.String(), want.String())
		}
	})
}

// listed finds the first list with items by tokens, as a second reader.
func listed(t *testing.T, answer []byte) (items []json.RawMessage) {
	t.Helper()
	var walk func(raw json.RawMessage, inside bool)
	walk = func(raw json.RawMessage, inside bool) {
		d := json.NewDecoder(bytes.NewReader(raw))
		if open, _ := d.Token(); open == json.Delim('[') && inside && len(items) == 0 {
			_ = json.Unmarshal(raw, &items)
		} else if open != json.Delim('{') {
			return
		}
		for d.More() && bytes.HasPrefix(bytes.TrimSpace(raw), []byte("{")) {
			name, err := d.Token()
			var value json.RawMessage
			if err := errors.Join(err, d.Decode(&value)); err != nil {
				t.Fatal(err)
			}
			switch camel(name.(string)) {
			case "metadata", "response", "output", "dest":
				if !inside {
					walk(value, false)
				}
			case "inlinedResponses", "inlinedEmbedContentResponses":
				walk(value, true)
			}
		}
	}
	walk(answer, false)
	return items
}

func TestBatchIDs(t *testing.T) {
	path := ""
	url, _ := answers(t, func(w http.ResponseWriter, r *http.Request) { path = r.URL.Path; _, _ = io.WriteString(w, "{}") })
	for id, want := range map[string]string{"batches/a-B_1": "a-B_1", "batch_123": "123", "123": "123", "batches/batch_1": "batch_1", strings.Repeat("a", 128): strings.Repeat("a", 128)} {
		if _, err := (Batches{api(t, url, key)}).Read(t.Context(), id, nil); err != nil || path != "/v1beta/batches/"+want {
			t.Errorf("%q: asked for %s, %v", id, path, err)
		}
	}
}

// TestJobsOfTheSimulator: a job by file, one with inline requests, and one that is not
// there.
func TestJobsOfTheSimulator(t *testing.T) {
	s, err := gemini.Start(gemini.Options{APIKey: key, TimeScale: 1000})
	must(t, err)
	t.Cleanup(func() { s.Close() })
	client, err := genai.NewClient(t.Context(), &genai.ClientConfig{Backend: genai.BackendGeminiAPI, APIKey: key, HTTPOptions: genai.HTTPOptions{BaseURL: s.URL()}})
	must(t, err)
	request := &genai.InlinedRequest{Contents: genai.Text("question")}
	made, err := client.Batches.Create(t.Context(), "gemini-2.5-flash", &genai.BatchJobSource{InlinedRequests: []*genai.InlinedRequest{request, request}},
		&genai.CreateBatchJobConfig{DisplayName: "two"})
	must(t, err)
	batches := Batches{api(t, s.URL(), key)}
	var job source.Job
	var lines strings.Builder
	for !job.Done {
		time.Sleep(5 * time.Millisecond)
		lines.Reset()
		job, err = batches.Read(t.Context(), made.Name, &lines)
		must(t, err)
	}
	if job.Created == "" || job.Ended == "" {
		t.Errorf("without times: %+v", job)
	}
	job.Created, job.Updated, job.Ended = "", "", ""
	want := source.Job{
		Batch: outcome.Batch{
			Name: made.Name, DisplayName: "two", Model: "models/gemini-2.5-flash", State: "BATCH_STATE_SUCCEEDED", Requested: 2, HasRequested: true,
		},
		Done: true, Inline: true, Items: 2,
	}
	if diff := cmp.Diff(want, job); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for i, line := range strings.SplitAfterN(lines.String(), "\n", 2) {
		if !json.Valid([]byte(line)) || !strings.HasSuffix(line, fmt.Sprintf(`,"index":%d}`+"\n", i)) {
			t.Errorf("line %d is %q", i, line)
		}
	}
	if _, err := batches.Read(t.Context(), "batches/absent", nil); kinds(err) != "not found" {
		t.Errorf("no such batch: %v", err)
	}
}

// BenchmarkInline reads 200 MB of inline results, by this reader and, for comparison, by
// encoding/json's Decoder.
func BenchmarkInline(b *testing.B) {
	for name, shape := range map[string]struct{ items, size int }{"10000 of 20kB": {10_000, 20_000}, "10 of 20MB": {10, 20_000_000}} {
		item := `{"response":{"candidates":[{"content":{"parts":[{"text":"` + strings.Repeat(`some words, \"quoted\" and so on. `, shape.size/33) + `"}]}}]}},`
		answer := func() io.Reader {
			all := []io.Reader{strings.NewReader(`{"response":{"inlinedResponses":{"inlinedResponses":[`)}
			for range shape.items {
				all = append(all, strings.NewReader(item))
			}
			return io.MultiReader(append(all, strings.NewReader("0]}}}"))...)
		}
		b.Run(name+"/stream", func(b *testing.B) {
			measured(b, len(item)*shape.items, func() error { _, err := readJob(answer(), io.Discard); return err })
		})
		b.Run(name+"/Decoder", func(b *testing.B) {
			measured(b, len(item)*shape.items, func() error {
				d := json.NewDecoder(answer())
				for range 7 { // to the first item
					if _, err := d.Token(); err != nil {
						return err
					}
				}
				for d.More() {
					var raw json.RawMessage
					var line bytes.Buffer
					if err := errors.Join(d.Decode(&raw), json.Compact(&line, raw)); err != nil {
						return err
					}
				}
				return nil
			})
		})
	}
}

// measured also reports the peak of the heap.
func measured(b *testing.B, size int, f func() error) {
	b.SetBytes(int64(size))
	ctx, stop := context.WithCancel(b.Context())
	defer stop()
	var before runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	peak := make(chan uint64, 1)
	go func() {
		highest := uint64(0)
		for ctx.Err() == nil {
			var now runtime.MemStats
			runtime.ReadMemStats(&now)
			highest = max(highest, now.HeapAlloc)
			time.Sleep(5 * time.Millisecond)
		}
		peak <- highest
	}()
	for b.Loop() {
		if err := f(); err != nil {
			b.Fatal(err)
		}
	}
	stop()
	b.ReportMetric(float64(int64(<-peak)-int64(before.HeapAlloc))/(1<<20), "peak-MiB")
}

// TestRequests: inline requests become lines, nested once or twice; of other jobs there
// are none.
func TestRequests(t *testing.T) {
	t.Parallel()
	const want = `{"request":{"contents":[]},"metadata":{"key":"a"}}` + "\n{}\n"
	for answer, want := range map[string]string{
		`{"metadata":{"inputConfig":{"requests":{"requests":[{"request": {"contents": []},"metadata":{"key":"a"}},{}]}}}}`: want,
		`{"metadata":{"input_config":{"requests":[{"request":{"contents":[]},"metadata":{"key":"a"}}, {}]}}}`:              want,
		`{"metadata":{"inputConfig":{"fileName":"files/in"}}}`:                                                             "",
		`{"metadata":{"inputConfig":{"requests":7}},"response":{"inlinedResponses":[{"a":1}]}}`:                            "",
	} {
		var lines strings.Builder
		if err := readRequests(iotest.HalfReader(strings.NewReader(answer)), &lines); err != nil || lines.String() != want {
			t.Errorf("%s\n%v, %q, want %q", answer, err, lines.String(), want)
		}
	}
}
