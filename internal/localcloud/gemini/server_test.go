package gemini

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/genai"
)

func TestStartRefuses(t *testing.T) {
	t.Parallel()
	good := Options{APIKey: testKey}
	change := func(f func(*Options)) Options { o := good; f(&o); return o }
	for name, opts := range map[string]Options{
		"no key":              Options{},
		"negative time scale": change(func(o *Options) { o.TimeScale = -1 }),
		"shares over one":     change(func(o *Options) { o.FailedShare, o.BlockedShare = 0.6, 0.6 }),
		"negative duration":   change(func(o *Options) { o.BatchDuration = -1 }),
		"share not a number":  change(func(o *Options) { o.DuplicateShare = math.NaN() }),
		"bucket, no sink":     change(func(o *Options) { o.ResultPointer, o.ResultBucket = PointerBucket, "b" }),
		"sink, no bucket":     change(func(o *Options) { o.ResultPointer, o.Sink = PointerBucket, &memorySink{} }),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := Start(opts); !errors.Is(err, ErrOptions) {
				t.Errorf("error %v, want ErrOptions", err)
			}
		})
	}
}

func TestClose(t *testing.T) {
	t.Parallel()
	s, err := Start(Options{APIKey: testKey})
	must(t, err)
	client := newClient(t, s, testKey)
	r := newReceiver(t, func(int) int { return 500 })
	create(t, client, r.URL)
	src := &genai.BatchJobSource{InlinedRequests: []*genai.InlinedRequest{{Contents: genai.Text("hello")}}}
	createBatch(t, client, src, nil) // runs for ten seconds
	must(t, errOf(s.Emit("batch.failed", nil, EmitOptions{})))
	r.wait(t, 1) // and is tried again in five seconds
	begin := time.Now()
	for range 2 {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}
	if took := time.Since(begin); took > 2*time.Second {
		t.Errorf("close took %v", took)
	}
	if _, err := s.Emit("batch.succeeded", nil, EmitOptions{}); !errors.Is(err, ErrClosed) {
		t.Errorf("emit after close: %v, want ErrClosed", err)
	}
	if _, err := client.Batches.Get(t.Context(), "batches/x", &genai.GetBatchJobConfig{
		HTTPOptions: &genai.HTTPOptions{RetryOptions: &genai.HTTPRetryOptions{Attempts: ptr(int32(1))}},
	}); err == nil {
		t.Error("the server still answers")
	}
}

// lockedBuffer is a log that several goroutines write.
type lockedBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

func TestNothingSecretIsLogged(t *testing.T) {
	t.Parallel()
	var log lockedBuffer
	r := newReceiver(t, func(n int) int { return []int{500, 200}[min(n, 2)-1] })
	s, client := start(t, Options{Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	id, first := create(t, client, r.URL+"/path-token")
	second := rotate(t, client, id, "revoke_previous_secrets_after_h24")
	must(t, errOf(s.Emit("batch.failed", map[string]any{"id": "in-the-body"}, EmitOptions{})))
	signature := r.wait(t, 2)[0].header.Get("webhook-signature")
	closed := newReceiver(t, nil)
	closed.Close()
	must(t, errOf(s.EmitTo(closed.URL+"/path-token", "batch.failed", nil, EmitOptions{})))
	eventually(t, "a failure", func() bool { d := s.Deliveries(); return d[len(d)-1].Err != nil })
	call(t, s, "GET", "/v1beta/webhooks", "", map[string]string{"x-goog-api-key": "a-wrong-key"})
	must(t, s.Close())
	text := log.String() + fmt.Sprintf("%+v", s.Deliveries())
	for _, what := range []string{"gemini request ", "gemini request refused", "gemini delivery"} {
		if !strings.Contains(text, what) {
			t.Errorf("the log lacks %q", what)
		}
	}
	for what, value := range map[string]string{
		"API key": testKey, "wrong key": "a-wrong-key", "first secret": first[6:], "second secret": second[6:],
		"URI": "path-token", "body": "in-the-body", "signature": strings.Fields(signature)[0],
	} {
		if strings.Contains(text, value) {
			t.Errorf("the log shows the %s", what)
		}
	}
}
