package logging

import (
	"context"
	"net/http"
	"regexp"

	"example.com/gemini-webhook/internal/trace"
)

// request is what a log line says about the request it belongs to.
type request struct {
	trace       trace.Context
	executionID string
}

type requestKey struct{}

// maxExecutionID cuts a stranger's execution id; the framework's have 12 bytes.
const maxExecutionID = 64

var executionID = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// With returns a context whose log lines are joined to r's in Cloud Logging: by
// its trace (trace.Of) and its execution id (Function-Execution-Id).
//
// On the public door these headers are a stranger's. One that is repeated or
// not of its exact form counts as absent, and nothing but digits, letters, '-'
// and '_' gets into a line. They say nothing about who sent the request.
func With(ctx context.Context, r *http.Request) context.Context {
	req := request{trace: trace.Of(r.Header)}
	if ids := r.Header.Values("Function-Execution-Id"); len(ids) == 1 && executionID.MatchString(ids[0]) {
		req.executionID = ids[0][:min(len(ids[0]), maxExecutionID)]
	}
	return context.WithValue(ctx, requestKey{}, req)
}
