package batch

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"example.com/gemini-webhook/internal/event"
	"example.com/gemini-webhook/internal/object"
	"example.com/gemini-webhook/internal/outcome"
	"example.com/gemini-webhook/internal/source"
)

type acceptsAll struct{}

func (acceptsAll) Publish(context.Context, outcome.Message) func(context.Context) error {
	return func(context.Context) error { return nil }
}

// oneObject is a Cloud Storage that has one object.
type oneObject struct {
	object.Storage
	content []byte
}

func (o oneObject) Open(_ context.Context, _ object.Object, offset, length int64) (io.ReadCloser, error) {
	end := min(offset+length, int64(len(o.content)))
	return io.NopCloser(bytes.NewReader(o.content[offset:end])), nil
}

// What a line costs is held by what it allocates, for times differ from machine
// to machine. Whoever raises the limit runs make bench.
func TestLineAllocations(t *testing.T) {
	const lines = 1000
	line := `{"key":"k","response":{"candidates":[{"content":{"parts":[{"text":"` + strings.Repeat("answer ", 250) + `"}]},"finishReason":"STOP"}],` +
		`"usageMetadata":{"promptTokenCount":2,"candidatesTokenCount":3,"totalTokenCount":5}}}` + "\n"
	content := []byte(strings.Repeat(line, lines))
	w := NewWorker(Config{
		Results:      acceptsAll{},
		Source:       &source.Finder{Objects: &object.Store{Storage: oneObject{content: content}, Allowed: object.Allowed{Locations: []object.Location{{Bucket: "results"}}}}},
		Factory:      outcome.NewFactory("test", time.Now),
		MaxLineBytes: 16 << 20, Stopping: make(chan struct{}), Now: time.Now,
	})
	one := Planned{Object: object.Object{Bucket: "results", Name: "results.jsonl", Generation: 1, Size: int64(len(content))}}
	d := event.Delivery{ID: "msg_1", ReceivedAt: time.Now(), Mode: "static", Scheme: "hmac-sha256", Origin: "signing_secret", Path: "/hook"}
	e := event.New(d, []byte(`{"type":"batch.succeeded","data":{"id":"batches/1"},"user_metadata":{"job":"42"}}`))
	j := &job{w, Task{Cutoff: time.Now().Add(time.Hour)}, Range{}, &Plan{Mode: Lines}, one, e, w.Factory.For(e)}
	per := testing.AllocsPerRun(3, func() {
		done, err := j.lines(t.Context(), Interval{End: one.Size})
		if err != nil || len(done) != 1 || done[0].Counts.Succeeded != lines {
			t.Fatalf("%+v, %v", done, err)
		}
	}) / lines
	const limit = 11 // 9, and 9.8 with the race detector
	if per > limit {
		t.Errorf("%.1f allocations for a line, at most %d are wanted", per, limit)
	}
}
