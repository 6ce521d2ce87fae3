// Package workflows_test runs the definitions for Google Cloud Workflows, by an
// interpreter of its own, with real HTTP: to the embedded cloud, to a Cloud Storage
// server and to callback endpoints. Google's engine does not run them here.
package workflows_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fsouza/fake-gcs-server/fakestorage"
	"google.golang.org/genai"

	"example.com/gemini-webhook/internal/localcloud"
	"example.com/gemini-webhook/internal/localcloud/gemini"
	"example.com/gemini-webhook/internal/localcloud/receiver"
	"example.com/gemini-webhook/internal/nodetest"
)

const bucket = "handover"

// rig is the receiver in an embedded cloud, whose outcomes start resume.yaml, and what
// wait.yaml needs.
type rig struct {
	*testing.T
	*engine
	cloud    *localcloud.Cloud
	operator *localcloud.Operator
	storage  *fakestorage.Server
	wait     map[string]any
	resume   map[string]any
	resumed  chan string // what resume.yaml returned
}

// definitions are the files as Workflows gets them. A YAML parser of npm's reads them.
func definitions(t *testing.T) (wait, resume map[string]any) {
	t.Helper()
	dir := nodetest.Install(t, "yaml@2.9.1")
	var both []map[string]any
	nodetest.Run(t, dir, `
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
console.log(JSON.stringify(JSON.parse(readFileSync(0)).map(text => parse(text, { strict: true, uniqueKeys: true, version: '1.1' }))));`,
		[]string{source("wait.yaml"), source("resume.yaml")}, &both)
	return both[0], both[1]
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{T: t, resumed: make(chan string, 100)}
	r.wait, r.resume = definitions(t)
	var err error
	r.cloud, err = localcloud.Start(t.Context(), localcloud.Options{TimeScale: 8640, Gemini: gemini.Options{Seed: 1, BatchDuration: time.Hour}})
	must(t, err)
	serving, err := receiver.Start(t.Context(), append(r.cloud.Env(), "LOG_LEVEL=error"), t.Output())
	must(t, err)
	t.Cleanup(func() { _ = r.cloud.Close(); _ = serving.Close() }) // nothing is left to lose
	must(t, r.cloud.Push(t.Context(), serving.URL(), nil))
	r.operator, err = r.cloud.Operator(t.Context())
	must(t, err)
	_, _, err = r.operator.Register(t.Context(), "workflows", serving.URL()+"/gemini")
	must(t, err)

	r.storage, err = fakestorage.NewServerWithOptions(fakestorage.Options{Scheme: "http", Host: "127.0.0.1", PublicHost: "127.0.0.1"})
	must(t, err)
	t.Cleanup(r.storage.Stop)
	r.storage.CreateBucketWithOpts(fakestorage.CreateBucketOpts{Name: bucket})
	key := strings.Split(localcloud.APIKeySecret, "/")
	r.engine = newEngine(t, map[string]string{
		"HANDOVER_BUCKET": bucket, "API_KEY_SECRET": key[len(key)-1], "GOOGLE_CLOUD_PROJECT_ID": localcloud.Project,
	}, map[string]string{"storage.googleapis.com": r.storage.URL(), "generativelanguage.googleapis.com": r.cloud.Gemini.URL()})

	trigger := httptest.NewServer(http.HandlerFunc(r.eventarc))
	t.Cleanup(trigger.Close)
	must(t, r.cloud.Trigger(t.Context(), localcloud.OutcomesTopic, trigger.URL, nil))
	return r
}

// eventarc starts resume.yaml with a message, which it gets as the data of the event.
func (r *rig) eventarc(_ http.ResponseWriter, request *http.Request) {
	var data any
	if err := json.NewDecoder(request.Body).Decode(&data); err != nil {
		r.Errorf("a message of Eventarc's: %v", err)
		return
	}
	result, err := r.execute(r.resume, map[string]any{"type": request.Header.Get("Ce-Type"), "data": data})
	if err != nil {
		r.Errorf("resume.yaml: %v", err)
	}
	r.resumed <- fmt.Sprint(result)
}

// put writes an object into the bucket.
func (r *rig) put(name, content string) {
	r.storage.CreateObject(fakestorage.Object{
		ObjectAttrs: fakestorage.ObjectAttrs{BucketName: bucket, Name: name, ContentType: "application/json"}, Content: []byte(content),
	})
}

// names are those of the bucket's objects.
func (r *rig) names(prefix string) (names []string) {
	r.Helper()
	found, err := r.storage.ListObjectsWithOptionsPaginated(bucket, fakestorage.ListOptions{Prefix: prefix})
	must(r, err)
	for _, o := range found.Objects {
		names = append(names, o.Name)
	}
	return names
}

// next is what resume.yaml returns next.
func (r *rig) next() string {
	r.Helper()
	select {
	case result := <-r.resumed:
		return result
	case <-time.After(patience):
		r.Fatal("no message started resume.yaml")
	}
	return ""
}

// waits returns when so many callbacks are waited for.
func (r *rig) waits(n int) {
	r.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		r.mu.Lock()
		awaited := r.awaited
		r.mu.Unlock()
		if awaited >= n {
			return
		}
		if time.Now().After(end) {
			r.Fatalf("%d callbacks are waited for, want %d", awaited, n)
		}
	}
}

// ended is how an execution of wait.yaml ended.
type ended struct {
	result any
	err    error
}

func (r *rig) waiting(argument map[string]any) chan ended {
	done := make(chan ended, 1)
	go func() {
		result, err := r.execute(r.wait, argument)
		done <- ended{result, err}
	}()
	return done
}

func totals(result any) (batch string, total any) {
	m, _ := result.(map[string]any)
	batch, _ = m["batch"].(string)
	results, _ := m["results"].(map[string]any)
	return batch, results["total"]
}

// TestWorkflows: an execution starts a batch and is woken when all its results are
// published; one that begins to wait afterwards does not wait.
func TestWorkflows(t *testing.T) {
	r := newRig(t)
	const n = 20
	var requests strings.Builder
	for i := range n {
		fmt.Fprintf(&requests, `{"key":"%d","request":{"contents":[{"parts":[{"text":"%d"}]}]}}`+"\n", i, i)
	}
	file, err := r.operator.AI.Files.Upload(t.Context(), strings.NewReader(requests.String()), &genai.UploadFileConfig{MIMEType: "application/jsonl"})
	must(t, err)
	got := <-r.waiting(map[string]any{"model": "gemini-2.5-flash", "file": file.Name, "display_name": "nightly"})
	must(t, got.err)
	batch, total := totals(got.result)
	if total != float64(n) {
		t.Errorf("wait.yaml returned %v, want a total of %d", got.result, n)
	}
	r.next()
	if left := r.names("waiting/"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}

	before := r.awaited
	got = <-r.waiting(map[string]any{"batch": batch})
	must(t, got.err)
	if again, total := totals(got.result); again != batch || total != float64(n) || r.awaited != before {
		t.Errorf("the event came before: %v, and %d callbacks were waited for, want none", got.result, r.awaited-before)
	}
}

// TestMeeting: wherever between the steps of who waits the event comes, it is not missed.
func TestMeeting(t *testing.T) {
	r := newRig(t)
	storage, err := url.Parse(r.storage.URL())
	must(t, err)
	completed := map[string]any{"type": "batch.completed", "origin": "signing_secret", "resource_id": "batches/1"}
	for name, c := range map[string]struct {
		method, path string // the request of wait.yaml at which the event comes
		after        bool   // when it has been answered
		want         string // of resume.yaml
		awaited      int
	}{
		"before it is said who waits": {http.MethodPost, "/upload/storage/v1/b/handover/o", false, "nobody waits yet", 0},
		"before the first look":       {http.MethodGet, "/storage/v1/b/handover/o/ended/1", false, "woken - 1", 0},
		"after the first look":        {http.MethodGet, "/storage/v1/b/handover/o/ended/1", true, "woken - 1", 1},
	} {
		for _, object := range r.names("") {
			must(t, r.storage.Backend().DeleteObject(bucket, object))
		}
		var came atomic.Bool // resume.yaml makes such requests, too
		come := func() {
			message := map[string]any{"attributes": completed, "data": "eyJ0eXBlIjoiYmF0Y2guY29tcGxldGVkIiwicmVzdWx0cyI6eyJ0b3RhbCI6MX19"}
			result, err := r.execute(r.resume, map[string]any{"data": map[string]any{"message": message}})
			if err != nil || result != c.want {
				t.Errorf("%s: resume.yaml returned %v, %v; want %q", name, result, err, c.want)
			}
		}
		proxy := httputil.NewSingleHostReverseProxy(storage)
		between := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
			here := request.Method == c.method && request.URL.Path == c.path
			if here && !c.after && came.CompareAndSwap(false, true) {
				come()
			}
			proxy.ServeHTTP(w, request)
			if here && c.after && came.CompareAndSwap(false, true) {
				come()
			}
		}))
		before := r.awaited
		r.hosts["storage.googleapis.com"] = between.URL
		got := <-r.waiting(map[string]any{"batch": "batches/1"})
		between.Close()
		if batch, total := totals(got.result); got.err != nil || batch != "batches/1" || total != 1.0 || r.awaited-before != c.awaited {
			t.Errorf("%s: %v, %v, %d callbacks were waited for, want %d", name, got.result, got.err, r.awaited-before, c.awaited)
		}
	}
}

// TestOtherEnds: who waits learns that there will be no results, or that time is up; two
// may wait for one batch.
func TestOtherEnds(t *testing.T) {
	r := newRig(t)
	first, second := r.waiting(map[string]any{"batch": "batches/lost"}), r.waiting(map[string]any{"batch": "batches/lost"})
	r.waits(2)
	_, err := r.cloud.Gemini.Emit("batch.expired", map[string]any{"id": "batches/lost"}, gemini.EmitOptions{})
	must(t, err)
	for _, done := range []chan ended{first, second} {
		if got := <-done; got.err == nil || !strings.Contains(got.err.Error(), "batches/lost ended with batch.expired") {
			t.Errorf("expired: %v, %v", got.result, got.err)
		}
	}
	if result := r.next(); result != "woken - 2" {
		t.Errorf("resume.yaml returned %q", result)
	}

	slow := r.waiting(map[string]any{"batch": "batches/slow"})
	r.waits(3)
	close(r.timeUp)
	if got := <-slow; got.err == nil || !strings.Contains(got.err.Error(), "batches/slow has not ended") {
		t.Errorf("time is up: %v, %v", got.result, got.err)
	}
	if left := r.names("waiting/"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestStrangers: a callback that is none of Workflows' is not called, nor does an event
// that anybody could have sent wake anybody. Nobody is woken by what is no end.
func TestStrangers(t *testing.T) {
	r := newRig(t)
	r.put("waiting/x/1", `{"callback":"https://attacker.example/steal"}`)
	r.put("waiting/x/2", `{"callback":"https://workflowexecutions.googleapis.com/v1/projects/1/locations/l/workflows/w/executions/gone/callbacks/0"}`)
	_, err := r.cloud.Gemini.Emit("batch.failed", map[string]any{"id": "batch_x"}, gemini.EmitOptions{})
	must(t, err)
	if result := r.next(); result != "woken - 2" || len(r.strays) > 0 {
		t.Errorf("resume.yaml returned %q, and asked for %v", result, r.strays)
	}
	for _, c := range []struct{ kind, origin, id, confirmed, want string }{
		{"batch.completed", "open", "batches/y", "", "anybody could have sent it"},
		{"batch.completed", "open", "batches/y", "true", "nobody waits yet"},
		{"batch.incomplete", "signing_secret", "batches/y", "", "no end of a batch"},
		{"batch.result", "signing_secret", "batches/y", "", "no end of a batch"},
		{"batch.completed", "signing_secret", "../y?", "", "no id of a batch"},
		{"batch.completed", "vertex_api", "projects/p/locations/l/batchPredictionJobs/1", "", "nobody waits yet"},
	} {
		attributes := map[string]any{"type": c.kind, "origin": c.origin, "resource_id": c.id}
		if c.confirmed != "" {
			attributes["confirmed"] = c.confirmed
		}
		message := map[string]any{"attributes": attributes, "data": "e30="}
		result, err := r.execute(r.resume, map[string]any{"data": map[string]any{"message": message}})
		if err != nil || result != c.want {
			t.Errorf("%+v: %v, %v", c, result, err)
		}
	}
	if names := strings.Join(r.names("ended/"), " "); names != "ended/projects_p_locations_l_batchPredictionJobs_1 ended/x ended/y" {
		t.Errorf("written: %s", names)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
