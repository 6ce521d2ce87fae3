package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"golang.org/x/sync/errgroup"

	"example.com/gemini-webhook/internal/localcloud"
	"example.com/gemini-webhook/internal/localcloud/gemini"
	"example.com/gemini-webhook/internal/localcloud/pubsub"
	"example.com/gemini-webhook/verify/verifytest"
)

// samples collects what is measured in several rounds of a benchmark.
type samples map[string][]float64

func (s samples) add(unit string, value float64) { s[unit] = append(s[unit], value) }

// report gives the medians in place of the time of a round, which says nothing.
func (s samples) report(b *testing.B) {
	b.ReportMetric(0, "ns/op")
	for unit, values := range s {
		slices.Sort(values)
		b.ReportMetric(values[len(values)/2], unit)
	}
}

// bench is a receiver with the embedded cloud in the process of the test,
// and a Pub/Sub that keeps nothing but the queue.
type bench struct {
	pubsub   *tally
	cloud    *localcloud.Cloud
	receiver *child
	token    string // of the pushes
	batches  int
}

// newBench starts a receiver with the default settings but for env.
func newBench(tb testing.TB, env ...string) *bench {
	tb.Helper()
	cloud, err := localcloud.Start(tb.Context(), localcloud.Options{Gemini: gemini.Options{BatchDuration: time.Nanosecond, BatchFor: answers}})
	must(tb, err)
	tb.Cleanup(func() { must(tb, cloud.Close()) })
	r := &bench{cloud: cloud, pubsub: newTally(cloud)}
	r.cloud.Secrets.Add(localcloud.SigningSecret, []byte(testSecret))
	names := environment(r.cloud)
	r.token, err = r.cloud.Tokens.Mint(names["PUSH_AUDIENCE"], names["PUSH_SERVICE_ACCOUNT"])
	must(tb, err)
	// The log goes to a file: a pipe would wake the benchmark for each line.
	program := command(tb, append(r.cloud.Env(), env...)...)
	log, err := os.Create(filepath.Join(tb.TempDir(), "log"))
	must(tb, err)
	tb.Cleanup(func() {
		must(tb, log.Close())
		if said, _ := os.ReadFile(log.Name()); tb.Failed() {
			tb.Logf("the end of the receiver's log:\n%s", tail(string(said)))
		}
	})
	program.Stderr = log
	r.receiver = launch(tb, program, (*child).healthy)
	return r
}

// accept has the receiver queue an event.
func (r *bench) accept(tb testing.TB, body string) {
	tb.Helper()
	header := verifytest.Static(testSecret, fmt.Sprintf("msg_batch%d", r.batches), time.Now(), []byte(body))
	if a := send(tb, http.MethodPost, r.receiver.url()+hookPath, header, body); a.status != http.StatusOK {
		tb.Fatalf("delivery: %v", a)
	}
}

// batch has the receiver queue a batch whose results are generated.
func (r *bench) batch(tb testing.TB, size int64, at func(int64, []byte)) {
	tb.Helper()
	r.batches++
	name := fmt.Sprintf("%d.jsonl", r.batches)
	r.cloud.Storage.PutGenerated(localcloud.ResultBucket, name, size, at)
	r.accept(tb, fmt.Sprintf(`{"type":"batch.succeeded","data":{"id":"batches/%d","output_file_uri":"gs://%s/%s"}}`, r.batches, localcloud.ResultBucket, name))
}

// answers are of the length that a batch's name says.
func answers(displayName string) gemini.BatchOptions {
	n, _ := strconv.Atoi(displayName)
	return gemini.BatchOptions{AnswerBytes: n, NoEvent: true}
}

// job has the receiver queue a batch of n requests of the Gemini API, each of whose
// answers has so many bytes.
func (r *bench) job(tb testing.TB, n, bytes int, inFile bool) {
	tb.Helper()
	operator, err := r.cloud.Operator(tb.Context())
	must(tb, err)
	defer operator.Close()
	var name string
	if inFile {
		name, err = operator.RunBatch(tb.Context(), strconv.Itoa(bytes), strings.NewReader(requests(n)))
	} else {
		name, err = operator.RunInline(tb.Context(), strconv.Itoa(bytes), n)
	}
	must(tb, err)
	poll(tb, patience, "the end of the batch", func() bool {
		req, err := http.NewRequestWithContext(tb.Context(), http.MethodGet, r.cloud.Gemini.URL()+"/v1beta/"+name, nil)
		must(tb, err)
		req.Header.Set("X-Goog-Api-Key", localcloud.APIKey)
		resp, err := http.DefaultClient.Do(req)
		must(tb, err)
		defer resp.Body.Close()
		begin := make([]byte, 16)
		_, _ = io.ReadFull(resp.Body, begin) // the list behind it may be long
		return strings.Contains(string(begin), `"done":true`)
	})
	r.batches++
	r.accept(tb, fmt.Sprintf(`{"type":"batch.succeeded","data":{"id":%q}}`, name))
}

// plan has the receiver plan a batch of generated lines: its ranges are in the
// queue then.
func (r *bench) plan(tb testing.TB, lines int64) {
	tb.Helper()
	r.batch(tb, lines*generatedLine, generate)
	if a, err := r.task(tb, <-r.pubsub.queue); err != nil || a.status != http.StatusNoContent {
		tb.Fatalf("plan: %v, %v", a, err)
	}
}

// task pushes a message of the queue.
func (r *bench) task(tb testing.TB, m *pubsubpb.PubsubMessage) (answer, error) {
	return trySend(tb, http.MethodPost, r.receiver.url()+"/tasks/process", bearer(r.token), envelope(m, 1))
}

// push works off the queue, atOnce messages at a time, until it is empty. All
// must be done at the first attempt, but for the task that keeps the event: it
// waits for the others, and comes again as from Pub/Sub.
func (r *bench) push(tb testing.TB, atOnce int) {
	tb.Helper()
	var workers errgroup.Group
	workers.SetLimit(atOnce)
	var left atomic.Int64 // under way; what they queue is queued when they end
	done := make(chan struct{}, cap(r.pubsub.queue))
	for {
		select {
		case m := <-r.pubsub.queue:
			left.Add(1)
			workers.Go(func() error {
				a, err := r.task(tb, m)
				switch {
				case err == nil && a.status == http.StatusServiceUnavailable && a.header.Get("Retry-After") != "":
					time.Sleep(10 * time.Millisecond) // waits for other ranges, and is no part of what is measured
					r.pubsub.queue <- m
				case err != nil || a.status != http.StatusNoContent:
					tb.Errorf("task %s: %v, %v", m.GetMessageId(), a, err)
				}
				left.Add(-1)
				done <- struct{}{}
				return nil
			})
			continue
		default:
		}
		if left.Load() == 0 && len(r.pubsub.queue) == 0 {
			return
		}
		<-done
	}
}

// smallEvent is a body of 300 bytes, as Gemini's are.
func smallEvent(n int) string {
	body := fmt.Sprintf(`{"type":"video.generated","version":"v1","timestamp":"2026-01-22T12:00:00Z","data":{"id":"operations/%09d","output_file_uri":"gs://bucket/video.mp4","file_name":"files/video"},"user_metadata":{"team":"search","job":"`, n)
	const tail = `"}}`
	return body + strings.Repeat("x", 300-len(body)-len(tail)) + tail
}

// posted is the n-th delivery of a load, which nobody has sent before.
type posted struct {
	header http.Header
	body   string
}

func newDelivery(n int) posted {
	body := smallEvent(n)
	return posted{verifytest.Static(testSecret, fmt.Sprintf("msg_%d", n), time.Now(), []byte(body)), body}
}

// sender posts deliveries over connections that stay open.
type sender struct {
	client *http.Client
	url    string
	next   atomic.Int64
}

func newSender(tb testing.TB, url string) *sender {
	transport := &http.Transport{MaxIdleConnsPerHost: 1024, MaxIdleConns: 1024}
	tb.Cleanup(transport.CloseIdleConnections)
	return &sender{client: &http.Client{Transport: transport}, url: url}
}

// deliver posts a new delivery.
func (s *sender) deliver() (answer, error) {
	d := newDelivery(int(s.next.Add(1)))
	a, err := exchange(context.Background(), s.client, http.MethodPost, s.url, d.header, d.body)
	if err == nil && a.status != http.StatusOK {
		err = fmt.Errorf("status %d", a.status)
	}
	return a, err
}

// closedLoop posts n deliveries, each worker one after the other.
func (s *sender) closedLoop(tb testing.TB, n, workers int) {
	tb.Helper()
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for range n / workers {
				if _, err := s.deliver(); err != nil {
					tb.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// slow makes every publish request take that much longer.
func (r *bench) slow(by time.Duration) {
	r.cloud.PubSub.SetHook(pubsub.Hook{Before: func(pubsub.Publish) error {
		time.Sleep(by)
		return nil
	}})
}

// drainQueue forgets what is queued, until the benchmark is over.
func (r *bench) drainQueue(tb testing.TB) {
	done := make(chan struct{})
	tb.Cleanup(func() { close(done) })
	go func() {
		for {
			select {
			case <-r.pubsub.queue:
			case <-done:
				return
			}
		}
	}()
}

// cpu stops a process and gives the CPU time that it took from its start on.
func (c *child) cpu(tb testing.TB) time.Duration {
	tb.Helper()
	c.terminate(tb)
	c.exitCode(tb)
	return c.cmd.ProcessState.UserTime() + c.cmd.ProcessState.SystemTime()
}
