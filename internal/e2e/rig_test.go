package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"example.com/gemini-webhook/internal/localcloud"
	"example.com/gemini-webhook/internal/localcloud/gcs"
	"example.com/gemini-webhook/internal/localcloud/gemini"
	"example.com/gemini-webhook/verify/verifytest"
)

const (
	hookPath = "/gemini"
	patience = 60 * time.Second
	// slack is what a busy machine may add to a time that the contract names.
	slack = 1500 * time.Millisecond
	// timeScale makes Pub/Sub's first backoff 5 ms and its last 300 ms, and a
	// day of Gemini's retries 43 s.
	timeScale = 2000
	object    = "out/results.jsonl"
	objectURI = "gs://" + localcloud.ResultBucket + "/" + object
)

// rig is the embedded cloud with a receiver, whose webhook is registered and
// whose private door is pushed to.
type rig struct {
	t        *testing.T
	cloud    *localcloud.Cloud
	operator *localcloud.Operator
	env      []string
	front    *front // before the receiver
	child    *child // the receiver that runs now
	seen     *seen
	webhook  string // its id
	secret   string // the newest signing secret
}

// options are a rig's; the zero value will do.
type options struct {
	cloud localcloud.Options
	env   []string // of the receiver, besides what the cloud says
	// unregistered: the test registers the webhook itself.
	unregistered bool
}

func newRig(t *testing.T, o options) *rig {
	t.Helper()
	notShort(t)
	if o.cloud.TimeScale == 0 {
		o.cloud.TimeScale = timeScale
	}
	o.cloud.Gemini.DisableAfter = -1 // tests fail deliveries on purpose
	cloud, err := localcloud.Start(t.Context(), o.cloud)
	must(t, err)
	r := &rig{
		t: t, cloud: cloud, env: append(cloud.Env(), o.env...),
		seen: &seen{topics: make(map[string][]outcome), finished: make(map[string]bool)},
	}
	t.Cleanup(r.close)
	for _, topic := range []string{localcloud.QueueTopic, localcloud.OutcomesTopic, localcloud.ResultsTopic, localcloud.DeadLetterTopic} {
		must(t, cloud.Watch(t.Context(), topic, r.seen.message(topic)))
	}
	r.child = start(t, r.env...)
	r.front = newFront(t, r.child.addr)
	must(t, cloud.Push(t.Context(), r.url(), r.seen.attempt))
	r.operator, err = cloud.Operator(t.Context())
	must(t, err)
	if !o.unregistered {
		r.webhook, r.secret, err = r.operator.Register(t.Context(), "e2e", r.url()+hookPath)
		must(t, err)
	}
	return r
}

// close runs when the receiver is dead: what is under way fails at once.
func (r *rig) close() {
	r.calm()
	if r.operator != nil {
		_ = r.operator.Close()
	}
	if err := r.cloud.Close(); err != nil {
		r.t.Errorf("close the cloud: %v", err)
	}
}

// url is the receiver's, whichever runs.
func (r *rig) url() string { return "http://" + r.front.addr() }

// restart replaces the receiver, which must have ended.
func (r *rig) restart() {
	r.t.Helper()
	r.child = start(r.t, r.env...)
	r.front.set(r.child.addr)
}

// wait polls until ok.
func (r *rig) wait(what string, ok func() bool) {
	r.t.Helper()
	poll(r.t, patience, what, ok)
}

func poll(t testing.TB, limit time.Duration, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(limit); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within %v", what, limit)
		}
	}
}

// completed waits for batch.completed, and until nothing is queued or under
// way any more.
func (r *rig) completed() outcome {
	r.t.Helper()
	r.wait("batch.completed", func() bool { return r.seen.has("batch.completed") && r.seen.idle() })
	all := r.seen.ofType(r.t, "batch.completed")
	if len(all) != 1 {
		r.t.Fatalf("batch.completed under %d ids, want one", len(all))
	}
	for _, o := range all {
		return o
	}
	return outcome{}
}

// put stores a result object.
func (r *rig) put(content string) {
	r.cloud.Storage.Put(localcloud.ResultBucket, object, []byte(content), gcs.Attrs{})
}

// succeed lets Gemini deliver batch.succeeded, with retries.
func (r *rig) succeed(pointer string) {
	r.t.Helper()
	r.emit("batch.succeeded", map[string]any{"id": "batches/1", "output_file_uri": pointer})
}

func (r *rig) emit(kind string, data map[string]any) (ids []string) {
	r.t.Helper()
	ids, err := r.cloud.Gemini.Emit(kind, data, gemini.EmitOptions{UserMetadata: map[string]any{"job": 42}})
	must(r.t, err)
	return ids
}

// answer is what the receiver said.
type answer struct {
	status int
	word   string // of its JSON
	header http.Header
	took   time.Duration
}

func (a answer) String() string { return strings.TrimSpace(fmt.Sprintf("%d %s", a.status, a.word)) }

// deliver posts a body with the headers given.
func (r *rig) deliver(header http.Header, body string) answer {
	r.t.Helper()
	return send(r.t, http.MethodPost, r.url()+hookPath, header, body)
}

// signed is the headers of a genuine delivery.
func (r *rig) signed(id, body string) http.Header {
	return verifytest.Static(r.secret, id, time.Now(), []byte(body))
}

func send(t testing.TB, method, url string, header http.Header, body string) answer {
	t.Helper()
	a, err := trySend(t, method, url, header, body)
	must(t, err)
	return a
}

// trySend may be called from any goroutine.
func trySend(t testing.TB, method, url string, header http.Header, body string) (answer, error) {
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	return exchange(t.Context(), &client, method, url, header, body)
}

func exchange(ctx context.Context, client *http.Client, method, url string, header http.Header, body string) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	if header != nil {
		req.Header = header
	}
	begin := time.Now()
	resp, err := client.Do(req)
	if err != nil {
		return answer{}, err
	}
	a, err := answerOf(resp)
	a.took = time.Since(begin)
	return a, err
}

// answerOf reads an answer, whose body can be read again.
func answerOf(resp *http.Response) (answer, error) {
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return answer{}, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(text))
	var said struct{ Status, Error string }
	_ = json.Unmarshal(text, &said) // not every answer has a body
	return answer{status: resp.StatusCode, word: said.Status + said.Error, header: resp.Header}, nil
}

// interaction is an event with an outcome of its own.
func interaction(id string) string {
	return fmt.Sprintf(`{"type":"interaction.completed","version":"v1","timestamp":"2026-01-22T12:00:00Z","data":{"id":%q}}`, id)
}

// jsonl makes n lines of results, all of one length.
func jsonl(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `{"key":"k%06d","response":{"candidates":[{"content":{"parts":[{"text":"answer %06d"}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":2,"candidatesTokenCount":3,"totalTokenCount":5}}}`+"\n", i, i)
	}
	return b.String()
}

// requests makes n lines of a batch's input.
func requests(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `{"key":"request-%05d","request":{"contents":[{"parts":[{"text":"What is %d times %d?"}]}]}}`+"\n", i, i, i)
	}
	return b.String()
}

// keys maps each line's key, or the index of an inline one, to its outcome_id.
func keys(t *testing.T, byID map[string]outcome) map[string]string {
	t.Helper()
	ids := make(map[string]string)
	for id, o := range byID {
		var key string
		switch {
		case o.Key != nil:
			key = *o.Key
		case o.Index != nil:
			key = fmt.Sprint(*o.Index)
		default:
			t.Fatalf("a line without its key: %s", o.raw)
		}
		if other, twice := ids[key]; twice {
			t.Errorf("key %q has two ids, %s and %s", key, id, other)
		}
		ids[key] = id
	}
	return ids
}
