package logging_test

import (
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/gemini-webhook/internal/trace"
)

const zeros = "00000000000000000000000000000000"

// ofRequest are the fields that With adds to a line, by short names.
type ofRequest struct {
	Trace, Span, Execution string
	Sampled                bool
}

func fields(t *testing.T, header http.Header) ofRequest {
	t.Helper()
	line := one(t, header, func(l *slog.Logger, r *http.Request) { l.InfoContext(r.Context(), "x") })
	var got ofRequest
	got.Trace, _ = line["logging.googleapis.com/trace"].(string)
	got.Trace = strings.TrimPrefix(got.Trace, "projects/"+project+"/traces/")
	got.Span, _ = line["logging.googleapis.com/spanId"].(string)
	got.Sampled, _ = line["logging.googleapis.com/trace_sampled"].(bool)
	labels, _ := line["logging.googleapis.com/labels"].(map[string]any)
	got.Execution, _ = labels["execution_id"].(string)
	return got
}

func TestWith(t *testing.T) {
	t.Parallel()
	const span = "00f067aa0ba902b7"
	tests := map[string]struct {
		header http.Header
		want   ofRequest
	}{
		"nothing":                          {http.Header{}, ofRequest{}},
		"traceparent, sampled":             {http.Header{"Traceparent": {"00-" + traceID + "-" + span + "-01"}}, ofRequest{Trace: traceID, Span: span, Sampled: true}},
		"traceparent, not sampled":         {http.Header{"Traceparent": {"00-" + traceID + "-" + span + "-02"}}, ofRequest{Trace: traceID, Span: span}},
		"traceparent, upper case":          {http.Header{"Traceparent": {"00-" + strings.ToUpper(traceID) + "-" + span + "-01"}}, ofRequest{}},
		"traceparent, no trace":            {http.Header{"Traceparent": {"00-" + zeros + "-" + span + "-01"}}, ofRequest{}},
		"traceparent, no span":             {http.Header{"Traceparent": {"00-" + traceID + "-" + zeros[:16] + "-01"}}, ofRequest{}},
		"traceparent, another version":     {http.Header{"Traceparent": {"ff-" + traceID + "-" + span + "-01"}}, ofRequest{}},
		"traceparent, more behind":         {http.Header{"Traceparent": {"00-" + traceID + "-" + span + "-01-x"}}, ofRequest{}},
		"traceparent, line end":            {http.Header{"Traceparent": {"00-" + traceID + "-" + span + "-01\n"}}, ofRequest{}},
		"traceparent, twice":               {http.Header{"Traceparent": {"00-" + traceID + "-" + span + "-01", "00-" + traceID + "-" + span + "-01"}}, ofRequest{}},
		"cloud trace alone":                {http.Header{"X-Cloud-Trace-Context": {traceID}}, ofRequest{Trace: traceID}},
		"cloud trace, span":                {http.Header{"X-Cloud-Trace-Context": {traceID + "/18446744073709551615;o=0"}}, ofRequest{Trace: traceID, Span: "ffffffffffffffff"}},
		"cloud trace, span 0":              {http.Header{"X-Cloud-Trace-Context": {traceID + "/0;o=1"}}, ofRequest{Trace: traceID, Sampled: true}},
		"cloud trace, span out of range":   {http.Header{"X-Cloud-Trace-Context": {traceID + "/18446744073709551616"}}, ofRequest{}},
		"cloud trace, span not decimal":    {http.Header{"X-Cloud-Trace-Context": {traceID + "/ff"}}, ofRequest{}},
		"cloud trace, options only":        {http.Header{"X-Cloud-Trace-Context": {traceID + ";o=1"}}, ofRequest{Trace: traceID, Sampled: true}},
		"cloud trace, none":                {http.Header{"X-Cloud-Trace-Context": {zeros + "/1;o=1"}}, ofRequest{}},
		"cloud trace, a path":              {http.Header{"X-Cloud-Trace-Context": {"../../x"}}, ofRequest{}},
		"both: Cloud Run's own":            {http.Header{"X-Cloud-Trace-Context": {traceID + "/1"}, "Traceparent": {"00-" + strings.Repeat("a", 32) + "-" + span + "-01"}}, ofRequest{Trace: traceID, Span: "0000000000000001"}},
		"ill-formed cloud trace, then W3C": {http.Header{"X-Cloud-Trace-Context": {"x"}, "Traceparent": {"00-" + traceID + "-" + span + "-01"}}, ofRequest{Trace: traceID, Span: span, Sampled: true}},
		"execution id":                     {http.Header{"Function-Execution-Id": {"k3J-_9"}}, ofRequest{Execution: "k3J-_9"}},
		"execution id, long":               {http.Header{"Function-Execution-Id": {strings.Repeat("a", 65)}}, ofRequest{Execution: strings.Repeat("a", 64)}},
		"execution id, other characters":   {http.Header{"Function-Execution-Id": {"a b"}}, ofRequest{}},
		"execution id, twice":              {http.Header{"Function-Execution-Id": {"a", "b"}}, ofRequest{}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, fields(t, test.header)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func FuzzWith(f *testing.F) {
	f.Add(traceID+"/1;o=1", "00-"+traceID+"-00f067aa0ba902b7-01", "k3J9")
	f.Add("", "", "")
	f.Add("\n", "00-\xff", strings.Repeat("a", 300))
	id := regexp.MustCompile(`^(|[0-9a-f]{32})$`)
	span := regexp.MustCompile(`^(|[0-9a-f]{16})$`)
	execution := regexp.MustCompile(`^[A-Za-z0-9_-]{0,64}$`)
	f.Fuzz(func(t *testing.T, cloudTrace, traceparent, run string) {
		got := fields(t, http.Header{
			"X-Cloud-Trace-Context": {cloudTrace},
			"Traceparent":           {traceparent},
			"Function-Execution-Id": {run},
		})
		if !id.MatchString(got.Trace) || !span.MatchString(got.Span) || !execution.MatchString(got.Execution) {
			t.Errorf("a stranger's text got into the line: %+v", got)
		}
	})
}

// TestLinesOfWork: lines have the trace that the work belongs to, and say by which one
// the request itself is found.
func TestLinesOfWork(t *testing.T) {
	t.Parallel()
	const delivery = "0af7651916cd43dd8448eb211c80319c"
	for name, test := range map[string]struct {
		request, work, trace string
		labels               any
	}{
		"of another trace": {traceID + "/1", "00-" + delivery + "-b7ad6b7169203331-01", delivery, map[string]any{"request_trace": "projects/" + project + "/traces/" + traceID}},
		"of the request's": {delivery + "/1", "00-" + delivery + "-b7ad6b7169203331-01", delivery, nil},
		"of no request's":  {"", "00-" + delivery + "-b7ad6b7169203331-01", delivery, nil},
		"of none":          {traceID + "/1", "", traceID, nil},
		"of what is none":  {traceID + "/1", "../../x", traceID, nil},
	} {
		got := one(t, http.Header{"X-Cloud-Trace-Context": {test.request}}, func(l *slog.Logger, r *http.Request) {
			l.InfoContext(trace.With(r.Context(), trace.Parse(test.work)), "x")
		})
		if got["logging.googleapis.com/trace"] != "projects/"+project+"/traces/"+test.trace || !cmp.Equal(test.labels, got["logging.googleapis.com/labels"]) {
			t.Errorf("%s: %v, want trace %s and labels %v", name, got, test.trace, test.labels)
		}
	}
}
