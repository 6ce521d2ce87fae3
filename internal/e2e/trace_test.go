package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"example.com/gemini-webhook/internal/localcloud"
	"example.com/gemini-webhook/internal/trace"
)

// line is one of a receiver's log.
type line struct {
	Message string
	Kind    string
	Trace   string `json:"logging.googleapis.com/trace"`
}

// TestOneTrace: the lines of both doors and all outcomes have the trace of the delivery
// that they come of, whichever header it came by.
func TestOneTrace(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{env: []string{"CHUNK_BYTES=2000"}})
	const id = "4bf92f3577b34da6a3ce929d0e0e4736"
	r.put(jsonl(50))
	bodies := []string{
		`{"type":"batch.succeeded","data":{"id":"batches/1","output_file_uri":"` + objectURI + `"}}`,
		`{"type":"batch.succeeded","data":{"id":"batches/2","output_file_uri":"gs://elsewhere/x"}}`,
		`{"type":"batch.failed","data":{"id":"batches/3"}}`, `{"type":"video.generated","data":{"id":"operations/4"}}`,
		interaction("5"), `{"type":"of.tomorrow","data":{"id":"6"}}`, `no JSON`,
	}
	for i, body := range bodies {
		header := r.signed(fmt.Sprint("msg_", i), body)
		if i%2 == 0 {
			header.Set("Traceparent", fmt.Sprintf("00-%s-%016x-01", id, i+1))
		} else {
			header.Set("X-Cloud-Trace-Context", fmt.Sprintf("%s/%d;o=1", id, i+1))
		}
		if a := r.deliver(header, body); a.status != http.StatusOK {
			t.Fatalf("%s: %v", body, a)
		}
	}
	types := []string{"batch.completed", "batch.unreadable", "batch.failed", "video.generated", "interaction.completed", "of.tomorrow", "unrecognized"}
	r.wait("all outcomes", func() bool {
		return !slices.ContainsFunc(types, func(kind string) bool { return !r.seen.has(kind) }) && r.seen.idle()
	})
	r.wait("all lines", func() bool { return r.seen.count(localcloud.ResultsTopic) == 50 })
	for _, o := range slices.Concat(r.seen.outcomes(t, localcloud.OutcomesTopic), r.seen.outcomes(t, localcloud.ResultsTopic)) {
		if text := o.Attributes["traceparent"]; trace.Parse(text).Trace != id {
			t.Errorf("%s of %s: traceparent is %q", o.Type, o.EventID, text)
		}
	}
	count := make(map[string]int)
	for text := range strings.Lines(r.child.logs.String()) {
		var l line
		must(t, json.Unmarshal([]byte(text), &l))
		if l.Trace != "projects/"+localcloud.Project+"/traces/"+id {
			t.Errorf("trace %q of %s", l.Trace, text)
		}
		count[l.Message+" "+l.Kind]++
	}
	if count["delivery accepted "] != len(bodies) || count["outcome published "] < len(types) || count["task done event"] < len(bodies) || count["task done range"] < 5 {
		t.Errorf("lines: %v", count)
	}
}
