package geminiapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/genai"

	"example.com/gemini-webhook/internal/event"
	"example.com/gemini-webhook/internal/jsonstream"
	"example.com/gemini-webhook/internal/localcloud/gemini"
	"example.com/gemini-webhook/internal/object"
	"example.com/gemini-webhook/internal/outcome"
	"example.com/gemini-webhook/internal/source"
)

// names lists batches, and gives their names.
func names(t *testing.T, b Batches) (all []string, err error) {
	t.Helper()
	err = b.List(t.Context(), func(job source.Job) error {
		all = append(all, job.Name)
		return nil
	})
	return all, err
}

// TestListOfTheSimulator: batches that ended in every way, in the order of the SDK.
func TestListOfTheSimulator(t *testing.T) {
	ends := map[string]gemini.End{"ok": "", "failed": gemini.EndFailed, "expired": gemini.EndExpired, "cancelled": gemini.EndCancelled}
	s, err := gemini.Start(gemini.Options{APIKey: key, TimeScale: 100000, BatchFor: func(name string) gemini.BatchOptions {
		return gemini.BatchOptions{End: ends[name]}
	}})
	must(t, err)
	t.Cleanup(func() { s.Close() })
	client, err := genai.NewClient(t.Context(), &genai.ClientConfig{Backend: genai.BackendGeminiAPI, APIKey: key, HTTPOptions: genai.HTTPOptions{BaseURL: s.URL()}})
	must(t, err)
	request := &genai.InlinedRequest{Contents: genai.Text("question")}
	for name := range ends {
		job, err := client.Batches.Create(t.Context(), "gemini-2.5-flash", &genai.BatchJobSource{InlinedRequests: []*genai.InlinedRequest{request}}, &genai.CreateBatchJobConfig{DisplayName: name})
		must(t, err)
		for job.State == genai.JobStatePending || job.State == genai.JobStateRunning {
			time.Sleep(2 * time.Millisecond)
			job, err = client.Batches.Get(t.Context(), job.Name, nil)
			must(t, err)
		}
	}
	got, want := map[string]string{}, map[string]string{"ok": "BATCH_STATE_SUCCEEDED", "failed": "BATCH_STATE_FAILED", "expired": "BATCH_STATE_EXPIRED", "cancelled": "BATCH_STATE_CANCELLED"}
	var ours, sdks []string
	must(t, Batches{api(t, s.URL(), key)}.List(t.Context(), func(job source.Job) error {
		got[job.DisplayName], ours = job.State, append(ours, job.Name)
		if job.Ended == "" || !job.Done || (job.Error != nil) != (job.DisplayName == "failed") {
			t.Errorf("%+v", job)
		}
		return nil
	}))
	for job, err := range client.Batches.All(t.Context()) {
		must(t, err)
		sdks = append(sdks, job.Name)
	}
	if diff := cmp.Diff(want, got) + cmp.Diff(sdks, ours); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// pages serves a list of n batches, in pages of the size that is asked for.
func pages(n int, results string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		size, _ := strconv.Atoi(r.FormValue("pageSize"))
		from, _ := strconv.Atoi(r.FormValue("pageToken"))
		_, _ = io.WriteString(w, `{"operations":[`)
		for i := from; i < min(from+size, n); i++ {
			comma := ","
			if i == from {
				comma = ""
			}
			fmt.Fprintf(w, `%s{"name":"batches/%d","response":{"inlinedResponses":[%s]}}`, comma, i, results)
		}
		_, _ = io.WriteString(w, "]")
		if from+size < n {
			fmt.Fprintf(w, `,"nextPageToken":"%d"`, from+size)
		}
		_, _ = io.WriteString(w, "}")
	}
}

func TestListOfManyPages(t *testing.T) {
	url, asked := answers(t, pages(10_000, `{"response":{}}`))
	all, err := names(t, Batches{api(t, url, key)})
	must(t, err)
	if len(all) != 10_000 || all[0] != "batches/0" || all[9_999] != "batches/9999" || *asked != 100 {
		t.Errorf("%d batches of %d pages, want 10000 of 100", len(all), *asked)
	}
}

// TestListShapes: what a page may look like.
func TestListShapes(t *testing.T) {
	for answer, want := range map[string][]source.Job{
		`{}`: nil, `{"operations":[]}`: nil, `{"operations":null,"nextPageToken":""}`: nil, `{"operations":{"name":"x"}}`: nil, `[]`: nil,
		`{"operations":[{"name":"batches/a"}, 7, {"name":"batches/b","error":{"code":13,"message":"m"}}],"nextPageToken":null}`: {
			{Batch: outcome.Batch{Name: "batches/a"}}, {}, {Batch: outcome.Batch{Name: "batches/b"}, Error: &event.Error{Code: "13", Message: "m"}},
		},
	} {
		url, _ := answers(t, body(answer))
		var got []source.Job
		must(t, Batches{api(t, url, key)}.List(t.Context(), func(job source.Job) error { got = append(got, job); return nil }))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", answer, diff)
		}
	}
}

// TestListsThatBreak: what came before is given, and the error says what it was.
func TestListsThatBreak(t *testing.T) {
	stop := errors.New("stop")
	for name, test := range map[string]struct {
		answers []http.HandlerFunc
		want    error
		visited int
	}{
		"the second page":      {[]http.HandlerFunc{pages(150, ""), status(403)}, errSentinels["denied"], 100},
		"within a page":        {[]http.HandlerFunc{body(`{"nextPageToken":"2","operations":[{"name":"a"},{"name":"b"},{"na`)}, jsonstream.ErrCut, 2},
		"no JSON":              {[]http.HandlerFunc{body(`<html>`)}, jsonstream.ErrSyntax, 0},
		"the same token":       {[]http.HandlerFunc{body(`{"operations":[{"name":"a"}],"nextPageToken":"1"}`)}, errSameToken, 2},
		"a token of a page":    {[]http.HandlerFunc{body(`{"nextPageToken":"` + strings.Repeat("x", maxToken+1) + `"}`)}, errLongToken, 0},
		"visit does not go on": {[]http.HandlerFunc{pages(7, "")}, stop, 3},
	} {
		t.Run(name, func(t *testing.T) {
			url, _ := answers(t, test.answers...)
			b, visited := Batches{api(t, url, key)}, 0
			b.pause = time.Millisecond
			err := b.List(t.Context(), func(source.Job) error {
				if visited++; visited == 3 && test.want == stop {
					return stop
				}
				return nil
			})
			if !errors.Is(err, test.want) || visited != test.visited {
				t.Errorf("%v after %d batches, want %v after %d", err, visited, test.want, test.visited)
			}
		})
	}
}

// TestListOfLargeBatches: the API gives up on pages with too many results.
func TestListOfLargeBatches(t *testing.T) {
	all := pages(35, strings.Repeat(`"x",`, 10)+"1")
	url, _ := answers(t, func(w http.ResponseWriter, r *http.Request) {
		if size, _ := strconv.Atoi(r.FormValue("pageSize")); size > 10 {
			w.WriteHeader(503)
			return
		}
		all(w, r)
	})
	b := Batches{api(t, url, key)}
	b.pause = time.Millisecond
	if got, err := names(t, b); len(got) != 35 || err != nil {
		t.Errorf("%d batches, %v, want 35", len(got), err)
	}
}

// TestABatchThatIsTooLargeForAPage: it is read by itself, and the list goes on behind it.
// Where the API gives no page with its name either, nobody knows where the list goes on:
// the error says behind what, and what was before it was given.
func TestABatchThatIsTooLargeForAPage(t *testing.T) {
	const large = 17
	all := pages(35, "")
	for name, test := range map[string]struct {
		bare, read int // the status of its name alone, and of itself
		want       []error
		visited    int
	}{
		"by itself":        {200, 200, nil, 35},
		"not by itself":    {200, 404, []error{object.ErrNotFound}, 34},
		"its name neither": {503, 200, []error{errStuck}, large},
		"nor are fields":   {400, 200, []error{errStuck, object.ErrRefused}, large},
	} {
		t.Run(name, func(t *testing.T) {
			url, _ := answers(t, func(w http.ResponseWriter, r *http.Request) {
				size, _ := strconv.Atoi(r.FormValue("pageSize"))
				from, _ := strconv.Atoi(r.FormValue("pageToken"))
				status := 200
				switch on := from <= large && large < from+size; {
				case r.URL.Path == fmt.Sprintf("/v1beta/batches/%d", large):
					if status = test.read; status == 200 {
						fmt.Fprintf(w, `{"name":"batches/%d","metadata":{"state":"BATCH_STATE_FAILED"}}`, large)
						return
					}
				case on && r.FormValue("fields") != "":
					status = test.bare
				case on:
					status = 503
				}
				if status != 200 {
					w.WriteHeader(status)
					return
				}
				all(w, r)
			})
			b, visited := Batches{api(t, url, key)}, map[string]string{}
			b.pause = time.Millisecond
			err := b.List(t.Context(), func(job source.Job) error { visited[job.Name] = job.State; return nil })
			for _, want := range test.want {
				if !errors.Is(err, want) {
					t.Errorf("%v, want %v", err, want)
				}
			}
			if (err == nil) != (test.want == nil) || len(visited) != test.visited || test.visited == 35 && visited["batches/17"] != "BATCH_STATE_FAILED" {
				t.Errorf("%v, %d batches, want %d", err, len(visited), test.visited)
			}
			if errors.Is(err, errStuck) && !strings.Contains(err.Error(), "behind batches/16 ") {
				t.Errorf("it does not say where: %v", err)
			}
		})
	}
}

// FuzzPage: a page is read as encoding/json does, and its batches one by one.
func FuzzPage(f *testing.F) {
	for _, seed := range []string{
		`{"operations":[{"name":"batches/a","metadata":{"state":"BATCH_STATE_FAILED"},"error":{"code":3}},{}],"nextPageToken":"t"}`,
		`{"nextPageToken":"\u0061","operations":{"operations":[1]}}`, `{"operations":[null,[],"x",1]}`, `{"operations":[{"name":1},`, `[`, ``,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, answer []byte) {
		visited := 0
		_, err := readPage(strings.NewReader(string(answer)), func(source.Job) error { visited++; return nil })
		if valid := json.Valid(answer); valid != (err == nil) && !errors.Is(err, errLongToken) {
			t.Fatalf("%q: %v, encoding/json: valid is %v", answer, err, valid)
		}
		var page map[string]json.RawMessage
		if err != nil || json.Unmarshal(answer, &page) != nil {
			return
		}
		var all []json.RawMessage
		if json.Unmarshal(page["operations"], &all) == nil && visited < len(all) {
			t.Fatalf("%q: %d batches, want %d", answer, visited, len(all))
		}
	})
}
