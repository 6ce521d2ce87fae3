package work

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/gemini-webhook/internal/archive"
	"example.com/gemini-webhook/internal/event"
	"example.com/gemini-webhook/internal/gcp/storage"
	"example.com/gemini-webhook/internal/geminiapi"
	"example.com/gemini-webhook/internal/localcloud/gcs"
	"example.com/gemini-webhook/internal/outcome/schematest"
	"example.com/gemini-webhook/internal/secret"
)

const (
	archiveBucket = "archive-bucket"
	apiKey        = "the-api-key"
	lastButOne    = 29 // of 30 attempts
)

// rig is a worker whose clients are the real ones. Tests with one are not parallel:
// the clients read the environment.
type rig struct {
	*Worker
	t       *testing.T
	topic   *topic
	storage *gcs.Server
	api     string
	answers map[string]http.HandlerFunc // by path; 404 where there is none

	mu    sync.Mutex
	paths []string // that were asked for
}

// asked counts the requests for a path; of all where that is "".
func (r *rig) asked(path string) (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.paths {
		if path == "" || p == path {
			n++
		}
	}
	return n
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{t: t, answers: map[string]http.HandlerFunc{}}
	gemini := httptest.NewServer(http.HandlerFunc(r.answer))
	t.Cleanup(gemini.Close)
	bucket, err := gcs.Start(archiveBucket)
	must(t, err)
	t.Cleanup(func() { bucket.Close() })
	t.Setenv("STORAGE_EMULATOR_HOST", bucket.Addr())
	t.Setenv("GOOGLE_GEMINI_BASE_URL", gemini.URL)
	client, err := storage.NewClient(t.Context())
	must(t, err)
	t.Cleanup(func() { client.Close() })
	api := geminiapi.New(func(context.Context) (secret.Value, error) { return secret.NewValue([]byte(apiKey)), nil })
	r.Worker, r.topic, _ = newWorker()
	r.storage, r.api = bucket, gemini.URL
	r.Gemini = &Gemini{geminiapi.Interactions{API: api}, geminiapi.Operations{API: api}, geminiapi.Files{API: api}}
	r.Archive, r.MaxAttempts, r.Now = &archive.Store{Bucket: client.Archive(archiveBucket)}, 30, time.Now
	return r
}

// answer is the API's. A request without its key is none of ours.
func (r *rig) answer(w http.ResponseWriter, request *http.Request) {
	r.mu.Lock()
	r.paths = append(r.paths, request.URL.Path)
	r.mu.Unlock()
	if request.Header.Get("X-Goog-Api-Key") != apiKey {
		r.t.Errorf("%s without the key", request.URL.Path)
	}
	if answer, ok := r.answers[request.URL.Path]; ok {
		answer(w, request)
		return
	}
	w.WriteHeader(http.StatusNotFound)
}

// do works on an event, once, and gives what is published.
func (r *rig) do(ctx context.Context, body string, attempt int) (data published, err error) {
	r.t.Helper()
	before := len(r.topic.messages)
	_, err = r.Do(ctx, delivered(body, attempt))
	if (err == nil) != (len(r.topic.messages) == before+1) {
		r.t.Fatalf("%d messages, %v", len(r.topic.messages)-before, err)
	}
	if err != nil {
		return published{}, err
	}
	m := r.topic.messages[before]
	if err := schematest.Check(m.Data); err != nil {
		r.t.Error(err)
	}
	if err := schematest.CheckAttributes(m.Attributes); err != nil {
		r.t.Error(err)
	}
	must(r.t, json.Unmarshal(m.Data, &data))
	data.Confirmed = m.Attributes["confirmed"] == "true"
	return data, nil
}

func delivered(body string, attempt int) Message {
	return Message{Kind: event.Kind, Data: event.Encode(event.Delivery{
		ID: "msg_1", ReceivedAt: received, Mode: "static", Scheme: "hmac-sha256", Origin: "signing_secret", Path: "/gemini",
	}, []byte(body)), Attempt: attempt}
}

var received = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

// published is an outcome as a consumer reads it.
type published struct {
	Type        string
	Confirmed   bool `json:"-"`
	Interaction *struct {
		Status, Model, Text string
		Usage               map[string]int
		Resource            json.RawMessage
		Archived            *copied
	}
	Reason    *reason `json:"interaction_error"`
	Video     *video
	Videos    []video
	Truncated []string
}

type copied struct {
	URI, Generation string
	Bytes           int
	ContentType     string `json:"content_type"`
}

type reason struct{ Code, Message string }

type video struct {
	URI, File string
	Archived  *copied
	Expires   string `json:"expires_at"`
	Error     *reason
}

func (v video) code() string {
	if v.Error == nil {
		return ""
	}
	return v.Error.Code
}

// kept compares a copy with what it was made of.
func (r *rig) kept(c *copied, content []byte, contentType string) {
	r.t.Helper()
	if c == nil {
		r.t.Fatal("there is no copy")
	}
	name, ok := strings.CutPrefix(c.URI, "gs://"+archiveBucket+"/")
	o, _ := r.storage.Get(archiveBucket, name)
	want := copied{c.URI, fmt.Sprint(o.Generation), len(content), contentType}
	if diff := cmp.Diff(want, *c); diff != "" || !ok || !strings.HasPrefix(name, archive.Prefix) || !bytes.Equal(o.Data, content) {
		r.t.Errorf("%d bytes in %s (-want +got):\n%s", len(o.Data), name, diff)
	}
}

// The answers of an API.

func says(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, text)
	}
}

func file(content string, contentType string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		_, _ = io.WriteString(w, content)
	}
}

// status answers with one; a client that is to wait a minute leaves it to the queue.
func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "60")
		w.WriteHeader(code)
	}
}

func breaksOff(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, text)
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}

// hangs gives no answer as long as it is waited for.
func hangs(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
