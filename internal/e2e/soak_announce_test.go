package e2e

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"example.com/gemini-webhook/internal/localcloud"
	"example.com/gemini-webhook/internal/localcloud/gcs"
	"example.com/gemini-webhook/internal/localcloud/gemini"
)

// soakName begins the names of what is announced, but for the simulator's jobs.
const soakName = "soak-"

// lateBatch is announced before its results are there: it ends in the dead
// letters, and is redriven.
const (
	lateBatch  = "batches/late"
	lateObject = "late.jsonl"
)

// events are the kinds besides batches with results: the type that is sent, and
// the type of the outcome.
var events = []struct{ kind, outcome string }{
	{"batch.failed", "batch.failed"},
	{"batch.expired", "batch.expired"},
	{"batch.cancelled", "batch.cancelled"},
	{"batch.succeeded", "batch.unreadable"}, // the pointer leads elsewhere
	{"interaction.completed", "interaction.completed"},
	{"interaction.requires_action", "interaction.requires_action"},
	{"interaction.failed", "interaction.failed"},
	{"interaction.cancelled", "interaction.cancelled"},
	{"video.generated", "video.generated"},
	{"something.new", "something.new"},
	{"", "unrecognized"},
}

// name is that of a new resource.
func (s *soak) name() string {
	s.names++
	return fmt.Sprint(soakName, s.names)
}

func (s *soak) pathToken() string { return s.pathTokens[rand.IntN(len(s.pathTokens))] }

// dynamicURL is a job's, with a path token of any age. Its label says how the
// simulator signs.
func (s *soak) dynamicURL(mode string) string {
	return s.url() + "/dynamic/" + s.pathToken() + "/" + mode
}

// schemeFor is the simulator's choice for a job's URL.
func schemeFor(url string) gemini.Scheme {
	return gemini.Scheme(modes[url[strings.LastIndexByte(url, '/')+1:]].scheme)
}

// halfWithoutEvent leaves the event out of half of the JWTs: what Gemini does is
// not published.
func halfWithoutEvent(claims map[string]any) {
	if rand.IntN(2) == 0 {
		for _, member := range []string{"type", "version", "timestamp", "data", "user_metadata"} {
			delete(claims, member)
		}
	}
}

// announce lets Gemini deliver an event in a mode.
func (s *soak) announce(mode, kind string, data map[string]any) {
	s.t.Helper()
	if mode == "static" {
		options := gemini.EmitOptions{UserMetadata: map[string]any{"job": 42}}
		if kind == "" { // without a type, it is another event for each webhook
			options.Webhooks = []string{s.webhook}
		}
		_, err := s.cloud.Gemini.Emit(kind, data, options)
		must(s.t, err)
		return
	}
	_, err := s.cloud.Gemini.EmitTo(s.dynamicURL(mode), kind, data, gemini.EmitOptions{UserMetadata: map[string]any{"job": 42}})
	must(s.t, err)
}

// announceEvents announces one event of each kind in each of the modes.
func (s *soak) announceEvents(modes ...string) {
	for _, mode := range modes {
		for _, e := range events {
			resource := s.name()
			s.books.announce(resource, announced{kind: e.outcome, mode: mode, outcome: e.outcome})
			s.announce(mode, e.kind, map[string]any{
				"id": resource, "output_file_uri": "gs://elsewhere/video.mp4", "error_code": 13, "error_message": "on purpose",
			})
		}
	}
}

// announceBatch stores results of n lines and announces them.
func (s *soak) announceBatch(mode string, n int, f form) {
	b := s.books.open(n)
	r := resultsOf(b.number, n, f)
	b.made, b.keyless, b.bytes = true, r.keyless, r.bytes
	b.want, b.tokens = countLines(n)
	for name, data := range r.objects {
		s.cloud.Storage.Put(localcloud.ResultBucket, name, data, gcs.Attrs{})
	}
	resource := fmt.Sprint("batches/", soakName, b.number)
	s.stored[resource] = slices.Collect(maps.Keys(r.objects))
	s.books.announce(resource, announced{kind: "batch.succeeded", mode: mode, outcome: "batch.completed", batch: b})
	s.announce(mode, "batch.succeeded", map[string]any{"id": resource, "output_file_uri": r.pointer})
}

// announceSmall announces small batches in every mode, and jobs of the SDK.
func (s *soak) announceSmall() {
	for _, mode := range []string{"static", "v1a", "jwt"} {
		s.announceBatch(mode, anyOf(0, 1, 10), anyForm())
	}
	s.runJob(anyMode(), anyOf(1, 20, 100))
	s.runJob(anyMode(), 1)
	s.cancelJob()
}

// announceLate announces a batch whose results are not there.
func (s *soak) announceLate() {
	s.late = s.books.open(1)
	s.books.announce(lateBatch, announced{kind: "batch.succeeded, results late", mode: "static", outcome: "batch.completed", batch: s.late})
	s.announce("static", "batch.succeeded", map[string]any{"id": lateBatch, "output_file_uri": "gs://" + localcloud.ResultBucket + "/" + lateObject})
}

// runJob has the simulator run a batch of n requests with the official SDK. Its
// results are in the Files API.
func (s *soak) runJob(mode string, n int) {
	b := s.books.open(n)
	b.want = totals{Total: n, Succeeded: n}
	var requests strings.Builder
	for i := range n {
		fmt.Fprintf(&requests, `{"key":%q,"request":{"contents":[{"parts":[{"text":"question"}]}]}}`+"\n", lineKey(b.number, i))
	}
	run := func() (string, error) {
		return s.operator.RunBatch(s.t.Context(), "soak", strings.NewReader(requests.String()))
	}
	if mode != "static" {
		run = func() (string, error) {
			return s.operator.RunBatchTo(s.t.Context(), "soak", strings.NewReader(requests.String()), s.dynamicURL(mode), nil)
		}
	}
	name, err := run()
	must(s.t, err)
	s.running = append(s.running, name)
	a := announced{kind: "batch.succeeded, Files API", mode: mode, outcome: "batch.completed", batch: b, job: true}
	if lost(name) {
		a.kind, a.mode = "batch.succeeded, its delivery lost", byJobs
	}
	s.books.announce(name, a)
}

// sweep deletes the results of batches that were completed a while ago: a task
// that overlaps may still read them.
func (s *soak) sweep() {
	const while = 30 * time.Second
	for resource, names := range s.stored {
		if !s.books.completed(resource) {
			continue
		}
		if since, ok := s.completed[resource]; !ok {
			s.completed[resource] = time.Now()
		} else if time.Since(since) > while {
			for _, name := range names {
				s.cloud.Storage.Delete(localcloud.ResultBucket, name)
			}
			delete(s.stored, resource)
			delete(s.completed, resource)
		}
	}
}

// redriveLate stores the results that were missing and queues the dead letters
// again, as an operator does after a repair.
func (s *soak) redriveLate() {
	line := appendLine(nil, s.late.number, 0)
	s.late.made, s.late.bytes = true, int64(len(line))
	s.late.want, s.late.tokens = countLines(1)
	s.cloud.Storage.Put(localcloud.ResultBucket, lateObject, line, gcs.Attrs{})
	for _, letter := range s.cloud.PubSub.Messages(topicName(localcloud.DeadLetterTopic)) {
		s.redrive(outcome{raw: letter.Data, Attributes: letter.Attributes})
	}
}
