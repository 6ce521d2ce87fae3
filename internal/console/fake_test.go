package console

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"example.com/gemini-webhook/internal/capture"
	"example.com/gemini-webhook/internal/devserver"
	"example.com/gemini-webhook/internal/explain"
)

// fake is a Server with deliveries that tests make up.
type fake struct {
	mu      sync.Mutex
	all     []devserver.Detail // the oldest first, numbered from 1
	did     []string           // what was asked for
	state   devserver.State
	readers []chan int64
}

func newFake(n int) *fake {
	f := &fake{state: devserver.State{
		Faults: []devserver.Fault{{Name: "pubsub", What: "publishing fails"}},
		Types:  []string{"batch.succeeded", "video.generated"}, Kinds: []string{"batch-file"},
		Addresses: []devserver.Address{{Name: receiverName, Value: "http://127.0.0.1:8080/", What: "the receiver"}},
	}}
	for range n {
		f.add(sample())
	}
	return f
}

// sample is a delivery such as others.
func sample() devserver.Detail {
	return devserver.Detail{
		Delivery: devserver.Delivery{
			At: time.Unix(1772366400, 0), WebhookID: "msg_1", Type: "batch.succeeded", ResourceID: "batches/1",
			Scheme: "v1", Path: "/gemini", Status: 200, Code: "accepted", Took: 3 * time.Millisecond, Sender: "trigger", Outcomes: 1,
		},
		Request: capture.Request{
			Method: http.MethodPost, Path: "/gemini", Body: []byte(`{"type":"batch.succeeded","data":{"id":"batches/1"}}`),
			Header: http.Header{"Webhook-Id": {"msg_1"}, "Webhook-Timestamp": {"1772366400"}, "Webhook-Signature": {"v1,AAAA"}, "Content-Type": {"application/json"}},
		},
		Answer: []byte(`{"status":"accepted"}`),
		Report: explain.Report{Genuine: true, Status: 200, Checks: []explain.Check{{Name: "method", Status: explain.Held, Came: "POST"}}},
	}
}

func (f *fake) add(d devserver.Detail) int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	d.Seq = int64(len(f.all) + 1)
	f.all = append(f.all, d)
	for _, reader := range f.readers {
		select {
		case reader <- d.Seq:
		default:
		}
	}
	return d.Seq
}

func (f *fake) List(q devserver.Query) (list []devserver.Delivery, more bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, d := range slices.Backward(f.all) {
		if q.Before > 0 && d.Seq >= q.Before || !strings.Contains(d.Type+string(d.Request.Body), q.Text) ||
			q.Verdict != "" && q.Verdict != verdictOf(d.Status).Word {
			continue
		}
		if len(list) == q.Limit {
			return list, true
		}
		list = append(list, d.Delivery)
	}
	return list, false
}

func (f *fake) Get(_ context.Context, seq int64) (devserver.Detail, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if seq < 1 || seq > int64(len(f.all)) {
		return devserver.Detail{}, false
	}
	return f.all[seq-1], true
}

func (f *fake) do(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.did = append(f.did, fmt.Sprintf(format, args...))
}

// done takes what was asked for.
func (f *fake) done() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	did := f.did
	f.did = nil
	return did
}

func (f *fake) Trigger(_ context.Context, t devserver.Trigger) (int64, error) {
	f.do("trigger %s %s", t.Type, t.Scheme)
	return f.add(sample()), nil
}

func (f *fake) Edit(ctx context.Context, seq int64, body []byte, scheme string) (int64, error) {
	f.do("edit %d %s %s", seq, scheme, body)
	d, ok := f.Get(ctx, seq)
	if !ok {
		return 0, devserver.ErrNotFound
	}
	d.Of, d.Request.Body = seq, body
	return f.add(d), nil
}

func (f *fake) Again(ctx context.Context, seq int64) (int64, error) {
	f.do("again %d", seq)
	d, ok := f.Get(ctx, seq)
	if !ok {
		return 0, devserver.ErrNotFound
	}
	d.Of = seq
	return f.add(d), nil
}

func (f *fake) Run(_ context.Context, kind string) (string, error) {
	f.do("run %s", kind)
	return "batches/1", nil
}

func (f *fake) Rotate(context.Context) error {
	f.do("rotate")
	return nil
}

func (f *fake) SetClock(offset time.Duration) { f.do("clock %s", offset) }

func (f *fake) SetFault(name string, on bool) error {
	f.do("fault %s %t", name, on)
	return nil
}

func (f *fake) State() devserver.State {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.state
	s.Counts.Deliveries = int64(len(f.all))
	return s
}

func (f *fake) Changes(context.Context) <-chan int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	reader := make(chan int64, 16)
	f.readers = append(f.readers, reader)
	return reader
}
