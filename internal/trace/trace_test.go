package trace_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/gemini-webhook/internal/trace"
)

const (
	id    = "4bf92f3577b34da6a3ce929d0e0e4736"
	span  = "00f067aa0ba902b7"
	whole = "00-" + id + "-" + span + "-01"
)

// TestTraceparent: what goes with a delivery is of the trace that its line has, and the
// header as it was sent where it is of that.
func TestTraceparent(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ cloud, sent, want string }{
		"nothing":                             {"", "", ""},
		"W3C":                                 {"", whole, whole},
		"W3C, other flags":                    {"", "00-" + id + "-" + span + "-03", "00-" + id + "-" + span + "-03"},
		"W3C, a later version":                {"", "01-" + id + "-" + span + "-01", "01-" + id + "-" + span + "-01"},
		"W3C, no version":                     {"", "ff-" + id + "-" + span + "-01", ""},
		"W3C, no trace":                       {"", "00-" + strings.Repeat("0", 32) + "-" + span + "-01", ""},
		"Cloud Run's":                         {strings.ToUpper(id) + "/255;o=1", "", "00-" + id + "-00000000000000ff-01"},
		"Cloud Run's, not sampled":            {id + "/255", "", "00-" + id + "-00000000000000ff-00"},
		"Cloud Run's, no span":                {id, "", ""},
		"both, of one trace":                  {id + "/255;o=1", whole, whole},
		"both, of different ones":             {strings.Repeat("a", 32) + "/1", whole, "00-" + strings.Repeat("a", 32) + "-0000000000000001-00"},
		"different, Cloud Run's without span": {strings.Repeat("a", 32), whole, ""},
		"ill-formed":                          {"x", "y", ""},
	} {
		h := http.Header{}
		if test.cloud != "" {
			h.Set("X-Cloud-Trace-Context", test.cloud)
		}
		if test.sent != "" {
			h.Set("Traceparent", test.sent)
		}
		got := trace.Traceparent(h)
		if got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
		if of := trace.Of(h); got != "" && trace.Parse(got).Trace != of.Trace {
			t.Errorf("%s: %q is not of the trace of its line, %s", name, got, of.Trace)
		}
	}
}

// TestWith: work without a trace keeps what there is.
func TestWith(t *testing.T) {
	t.Parallel()
	ctx := trace.With(t.Context(), trace.Parse(whole))
	for name, ctx := range map[string]trace.Context{"with": trace.From(ctx), "none over it": trace.From(trace.With(ctx, trace.Context{}))} {
		if diff := cmp.Diff(trace.Context{Trace: id, Span: span, Sampled: true}, ctx); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if c := trace.From(t.Context()); c != (trace.Context{}) {
		t.Errorf("%+v of nothing", c)
	}
}
