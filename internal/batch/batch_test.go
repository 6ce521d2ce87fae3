package batch_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/gemini-webhook/internal/batch"
	"example.com/gemini-webhook/internal/event"
	"example.com/gemini-webhook/internal/localcloud/gcs"
	"example.com/gemini-webhook/internal/object"
)

func chunk(n int64) func(*batch.Config) { return func(c *batch.Config) { c.ChunkBytes = n } }

func TestBatch(t *testing.T) {
	t.Parallel()
	r := newRig(t, chunk(1000))
	r.batch(jsonl(100) + "\n" + `{"key":"bad","error":{"code":7,"message":"no"}}` + "\r\n" + `{"key":`)
	r.run()
	lines, repeats := r.lines()
	if len(lines) != 102 || repeats != 0 {
		t.Errorf("%d lines, %d repeats, want 102 and 0", len(lines), repeats)
	}
	want := map[string]any{
		"total": 102.0, "succeeded": 100.0, "failed": 1.0, "invalid": 1.0,
		"finish_reasons": map[string]any{"STOP": 100.0}, "error_codes": map[string]any{"7": 1.0, "not_json": 1.0},
	}
	if diff := cmp.Diff(want, r.completed()); diff != "" {
		t.Errorf("results (-want +got):\n%s", diff)
	}
	done := r.outcomes(outcomesTopic)[0]
	if diff := cmp.Diff(map[string]any{"prompt_tokens": 200.0, "candidates_tokens": 300.0, "thoughts_tokens": 0.0, "cached_tokens": 0.0, "tool_use_tokens": 0.0, "total_tokens": 500.0, "lines": 100.0}, done.data["usage"]); diff != "" {
		t.Errorf("usage (-want +got):\n%s", diff)
	}
	o, _ := r.gcs.Get(resultBucket, "results.jsonl")
	if done.data["bytes"] != float64(o.Size) {
		t.Errorf("bytes %v, want %d", done.data["bytes"], o.Size)
	}
	for _, p := range r.outcomes(resultsTopic) {
		source := p.data["source"].(map[string]any)
		offset, length := int(source["offset"].(float64)), int(source["length"].(float64))
		line := string(o.Data[offset : offset+length])
		if response, ok := strings.CutPrefix(line, `{"key":"`+p.attributes["key"]+`","response":`); ok {
			if !strings.Contains(p.raw, strings.TrimSuffix(response, "}")) {
				t.Errorf("the response is not the bytes of its line: %s", p.raw)
			}
		}
		if p.attributes["meta_job"] != "42" {
			t.Errorf("attributes %v, want meta_job=42", p.attributes)
		}
	}
}

// Any CHUNK_BYTES gives the same outcomes with the same ids (contract, "Delivery
// guarantees").
func TestAnyChunkBytesGivesTheSameOutcomes(t *testing.T) {
	t.Parallel()
	for seed := range uint64(2) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(seed, 7))
			content := randomFile(random)
			run := func(chunkBytes int64) (map[string]string, map[string]any) {
				r := newRig(t, chunk(chunkBytes), func(c *batch.Config) { c.MaxLineBytes = 100 })
				r.batch(content) // the first object of a new server: always the same generation
				r.runConcurrently(16)
				lines, repeats := r.lines()
				if repeats != 0 {
					t.Errorf("ranges of %d: %d repeats", chunkBytes, repeats)
				}
				return lines, r.completed()
			}
			whole, total := run(1 << 20)
			for _, n := range []int64{1, 2, 7, 1 + random.Int64N(100), 1 + random.Int64N(int64(len(content)))} {
				lines, sum := run(n)
				if diff := cmp.Diff(whole, lines); diff != "" {
					t.Fatalf("ranges of %d (-whole +ranges):\n%s", n, diff)
				}
				if diff := cmp.Diff(total, sum); diff != "" {
					t.Fatalf("ranges of %d (-whole +ranges):\n%s", n, diff)
				}
			}
		})
	}
}

// randomFile has long, short, blank, broken, CRLF and unterminated lines in
// any order.
func randomFile(random *rand.Rand) string {
	var b strings.Builder
	if random.IntN(3) == 0 {
		b.WriteString("\xEF\xBB\xBF")
	}
	for i := range 3 + random.IntN(5) {
		switch random.IntN(7) {
		case 0: // blank
			b.WriteString(strings.Repeat(" ", random.IntN(4)))
		case 1: // broken
			b.WriteString(`{"key":"x`)
		case 2: // too long
			b.WriteString(`{"key":"long","response":{"text":"` + strings.Repeat("x", 50+random.IntN(100)) + `"}}`)
		case 3: // many bytes a rune
			fmt.Fprintf(&b, `{"key":"%d €","response":{"candidates":[]}}`, i)
		default:
			fmt.Fprintf(&b, `{"key":"k%d","response":{"candidates":[{"content":{"parts":[{"text":"%d"}]},"finishReason":"R%d"}]}}`, i, random.IntN(1000), random.IntN(3))
		}
		if random.IntN(3) == 0 {
			b.WriteString("\r")
		}
		b.WriteString("\n")
	}
	if random.IntN(2) == 0 {
		b.WriteString(`{"key":"last","response":{}}`)
	}
	return b.String()
}

func TestSummaryCountsOnly(t *testing.T) {
	t.Parallel()
	r := newRig(t, chunk(500), func(c *batch.Config) { c.Mode = batch.Summary })
	r.batch(jsonl(50))
	r.run()
	if lines, _ := r.lines(); len(lines) != 0 {
		t.Errorf("%d lines published, want 0", len(lines))
	}
	if got := r.completed()["total"]; got != 50.0 {
		t.Errorf("total %v, want 50", got)
	}
}

// What is never to be read is one outcome, whoever delivers the event (which
// pointers that are: internal/object).
func TestUnreadable(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.deliver("msg_1", succeeded("gs://other-bucket/o.jsonl"))
	r.deliver("msg_2", succeeded("gs://other-bucket/o.jsonl")) // the same event by another webhook
	r.run()
	all := r.outcomes(outcomesTopic)
	if len(all) != 1 || all[0].data["type"] != "batch.unreadable" {
		t.Fatalf("got %v, want one batch.unreadable", r.types(outcomesTopic))
	}
	if got := all[0].data["error"].(map[string]any)["code"]; got != "bucket_not_allowed" {
		t.Errorf("code %v, want bucket_not_allowed", got)
	}
	if got := r.gcs.Count(gcs.OpGet) + r.gcs.Count(gcs.OpList); got > 4 {
		t.Errorf("%d looks at objects", got)
	}
}

func TestPrefixAndGzip(t *testing.T) {
	t.Parallel()
	for _, pointer := range []string{"gs://" + resultBucket + "/out/", "gs://" + resultBucket + "/out"} { // a folder, also without its slash
		t.Run(pointer, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, chunk(300))
			packed := string(gzipped(t, strings.ReplaceAll(jsonl(20), `"k`, `"gz`)))
			for name, object := range map[string]struct {
				data  string
				attrs gcs.Attrs
			}{
				"out/a.jsonl":        {strings.ReplaceAll(jsonl(10), `"k`, `"a`), gcs.Attrs{}},
				"out/b.jsonl.gz":     {packed, gcs.Attrs{}},
				"out/c.jsonl":        {packed, gcs.Attrs{ContentEncoding: "gzip"}},
				"out/empty.jsonl":    {"", gcs.Attrs{}},
				"out/notes.txt":      {"not a result", gcs.Attrs{}},
				"elsewhere/d.jsonl":  {jsonl(5), gcs.Attrs{}},
				"out/named-gz.jsonl": {strings.ReplaceAll(jsonl(3), `"k`, `"n`), gcs.Attrs{}},
				"out/false.jsonl.gz": {strings.ReplaceAll(jsonl(2), `"k`, `"f`), gcs.Attrs{}}, // not gzip at all
			} {
				r.gcs.Put(resultBucket, name, []byte(object.data), object.attrs)
			}
			r.deliver("msg_1", succeeded(pointer))
			r.run()
			lines, repeats := r.lines()
			if want := 10 + 20 + 20 + 3 + 2; len(lines) != want || repeats != 0 {
				t.Errorf("%d lines, %d repeats, want %d and 0", len(lines), repeats, want)
			}
			if got := r.completed()["total"]; got != 55.0 {
				t.Errorf("total %v, want 55", got)
			}
			for _, p := range r.outcomes(resultsTopic) {
				source := p.data["source"].(map[string]any)
				name := strings.TrimPrefix(source["uri"].(string), "gs://results-bucket/out/")
				wantGzip := strings.HasSuffix(name, ".gz") || name == "c.jsonl"
				if got := source["encoding"] == "gzip"; got != wantGzip {
					t.Errorf("%s: encoding %v", name, source["encoding"])
				}
			}
		})
	}
}

func TestEmptyResultsComplete(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.batch("")
	r.run()
	if got := r.completed()["total"]; got != 0.0 {
		t.Errorf("total %v, want 0", got)
	}
}

func TestSameEventIsWorkedOnOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t, chunk(1000))
	r.batch(jsonl(40))
	r.deliver("msg_2", strings.ReplaceAll(succeeded("gs://results-bucket/results.jsonl"), "batches/1", "batch_1"))
	r.run()
	r.deliver("msg_3", succeeded("gs://results-bucket/results.jsonl")) // much later
	r.deliver("msg_4", strings.NewReplacer("batches/1", "1", "batch.succeeded", "batch.completed", "output_file_uri", "outputFileUri").Replace(succeeded("gs://results-bucket/results.jsonl")))
	r.run()
	lines, repeats := r.lines()
	if len(lines) != 40 || repeats != 0 {
		t.Errorf("%d lines, %d repeats, want 40 and 0", len(lines), repeats)
	}
	if got := r.types(outcomesTopic); !slices.Equal(got, []string{"batch.completed"}) {
		t.Errorf("outcomes %v, want one batch.completed", got)
	}
}

func TestTaskDeliveredAgainIsNotDoneAgain(t *testing.T) {
	t.Parallel()
	r := newRig(t, chunk(1000))
	r.batch(jsonl(40))
	r.run()
	r.taken = 0 // Pub/Sub delivers everything once more
	r.run()
	lines, repeats := r.lines()
	if len(lines) != 40 || repeats != 0 || len(r.outcomes(outcomesTopic)) != 1 {
		t.Errorf("%d lines, %d repeats, %d other outcomes, want 40, 0 and 1", len(lines), repeats, len(r.outcomes(outcomesTopic)))
	}
}

// memoryFiles is a Files service.
type memoryFiles map[string]string

func (m memoryFiles) Open(_ context.Context, name string) (io.ReadCloser, error) {
	content, ok := m[name]
	if !ok {
		return nil, object.ErrNotFound
	}
	return io.NopCloser(strings.NewReader(content)), nil
}

// A plan of a former version reads a file of the Gemini API where it is.
func TestFileOfAFormerPlan(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *batch.Config) { c.Source.Objects.Files = memoryFiles{"files/batch-abc": jsonl(30)} })
	r.deliver("msg_1", succeeded("files/batch-abc"))
	queued := r.pubsub.Messages(queueTopic)[0].Data
	e, err := event.Decode(queued)
	must(t, err)
	plan, err := json.Marshal(map[string]any{
		"format": 1, "uri": "files/batch-abc", "mode": "lines", "event": queued, "objects": []any{map[string]any{"name": "files/batch-abc", "range_size": 0}},
	})
	must(t, err)
	r.gcs.Put(stateBucket, "v1/"+e.Key+"/plan", plan, gcs.Attrs{})
	r.run()
	lines, repeats := r.lines()
	if len(lines) != 30 || repeats != 0 || r.completed()["total"] != 30.0 {
		t.Errorf("%d lines, %d repeats, totals %v, want 30 and 0", len(lines), repeats, r.completed())
	}
	source := r.outcomes(resultsTopic)[0].data["source"].(map[string]any)
	if source["uri"] != "files/batch-abc" {
		t.Errorf("source %v", source)
	}
}
