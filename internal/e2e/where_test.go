package e2e

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/gemini-webhook/internal/localcloud"
	"example.com/gemini-webhook/internal/localcloud/gemini"
)

// Batches of the Gemini API have no pointer: the job is read, and what Gemini deletes
// is copied. Days later, when Gemini and the state bucket have nothing of it any more,
// the event gives the same outcomes again.
func TestJobs(t *testing.T) {
	t.Parallel()
	for title, test := range map[string]struct {
		n       int
		pointer gemini.Pointer
		run     func(r *rig, n int) (string, error)
		origin  string
	}{
		"inline requests": {10_000, gemini.PointerNone, func(r *rig, n int) (string, error) {
			return r.operator.RunInline(t.Context(), "e2e", n)
		}, "batches/"},
		"a file that the job names": {1000, gemini.PointerNone, runFile, "files/batch-"},
		"a file":                    {1000, gemini.PointerFile, runFile, "files/batch-"},
		"a file's address":          {1000, gemini.PointerURL, runFile, "files/batch-"},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, options{
				cloud: localcloud.Options{Gemini: gemini.Options{Seed: 1, BatchDuration: time.Second, ResultPointer: test.pointer, MaxTextBytes: 300}},
				env:   []string{"CHUNK_BYTES=500000"},
			})
			name, err := test.run(r, test.n)
			must(t, err)
			done := r.completed()
			if want := (totals{Total: test.n, Succeeded: test.n}); done.Results != want || done.Attributes["confirmed"] != "true" || done.Attributes["display_name"] != "e2e" {
				t.Errorf("%s\n%v, want %+v", done.raw, done.Attributes, want)
			}
			lines, repeats := r.seen.results(t)
			first := keys(t, lines)
			if len(first) != test.n || repeats != 0 {
				t.Errorf("%d lines, %d repeats, want %d and 0", len(first), repeats, test.n)
			}
			for _, o := range lines {
				if want := test.origin + strings.TrimPrefix(name, "batches/"); o.Source.Origin != want || !strings.HasPrefix(o.Source.URI, "gs://"+localcloud.ArchiveBucket+"/archive/") {
					t.Fatalf("source %+v, want a copy of %s", o.Source, want)
				}
			}

			r.cloud.Gemini.Advance(72 * time.Hour)
			for _, o := range r.cloud.Storage.List(localcloud.StateBucket, "v1/") {
				r.cloud.Storage.Delete(localcloud.StateBucket, o.Name)
			}
			r.emit("batch.succeeded", done.event(t))
			r.wait("all of it again", func() bool {
				return r.seen.count(localcloud.OutcomesTopic) > 1 && r.seen.count(localcloud.ResultsTopic) >= 2*test.n && r.seen.idle()
			})
			again := make(map[string]outcome)
			for _, o := range r.seen.outcomes(t, localcloud.ResultsTopic)[test.n:] {
				again[o.ID] = o
			}
			if diff := cmp.Diff(first, keys(t, again)); diff != "" {
				t.Errorf("ids of keys (-first +again):\n%s", diff)
			}
		})
	}
}

func runFile(r *rig, n int) (string, error) {
	return r.operator.RunBatch(r.t.Context(), "e2e", strings.NewReader(requests(n)))
}

// event is the data of the event that an outcome is of.
func (o outcome) event(t *testing.T) map[string]any {
	t.Helper()
	var said struct{ Event struct{ Data map[string]any } }
	must(t, json.Unmarshal(o.raw, &said))
	return said.Event.Data
}
