package logging

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
)

// request is what a log line says about the request it belongs to.
type request struct {
	traceID     string // 32 lower-case hexadecimal digits, or empty
	spanID      string // 16 lower-case hexadecimal digits, or empty
	sampled     bool
	executionID string
}

type requestKey struct{}

// maxExecutionID cuts a stranger's execution id; the framework's have 12 bytes.
const maxExecutionID = 64

var (
	traceparent  = regexp.MustCompile(`^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$`)
	cloudTrace   = regexp.MustCompile(`^([0-9A-Fa-f]{32})(?:/([0-9]{1,20}))?(?:;o=([0-3]))?$`)
	executionID  = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)
	zeroTraceID  = strings.Repeat("0", 32)
	zeroSpanID   = strings.Repeat("0", 16)
	traceHeaders = []struct {
		name  string
		parse func(string) (request, bool)
	}{
		// Cloud Run's own request log goes by this one, so it comes first.
		{"X-Cloud-Trace-Context", parseCloudTrace},
		{"Traceparent", parseTraceparent},
	}
)

// With returns a context whose log lines are joined to r's in Cloud Logging: by
// its trace (X-Cloud-Trace-Context, else traceparent as W3C Trace Context level
// 1 defines it) and its execution id (Function-Execution-Id).
//
// On the public door these headers are a stranger's. One that is repeated or
// not of its exact form counts as absent, and nothing but digits, letters, '-'
// and '_' gets into a line. They say nothing about who sent the request.
func With(ctx context.Context, r *http.Request) context.Context {
	var req request
	for _, header := range traceHeaders {
		if found, ok := header.parse(single(r.Header, header.name)); ok {
			req = found
			break
		}
	}
	if id := single(r.Header, "Function-Execution-Id"); executionID.MatchString(id) {
		req.executionID = id[:min(len(id), maxExecutionID)]
	}
	return context.WithValue(ctx, requestKey{}, req)
}

// single returns a header's value, or nothing where it is absent or repeated.
func single(h http.Header, name string) string {
	if values := h.Values(name); len(values) == 1 {
		return values[0]
	}
	return ""
}

// parseTraceparent reads "00-TRACE-SPAN-FLAGS".
func parseTraceparent(value string) (request, bool) {
	m := traceparent.FindStringSubmatch(value)
	if m == nil || m[1] == zeroTraceID || m[2] == zeroSpanID {
		return request{}, false
	}
	flags, err := strconv.ParseUint(m[3], 16, 8)
	return request{traceID: m[1], spanID: m[2], sampled: flags&1 == 1}, err == nil
}

// parseCloudTrace reads "TRACE/SPAN;o=OPTIONS", where SPAN is a decimal number
// and may be left out with or without the options.
func parseCloudTrace(value string) (request, bool) {
	m := cloudTrace.FindStringSubmatch(value)
	if m == nil || m[1] == zeroTraceID {
		return request{}, false
	}
	req := request{traceID: strings.ToLower(m[1]), sampled: m[3] == "1" || m[3] == "3"}
	if m[2] != "" {
		span, err := strconv.ParseUint(m[2], 10, 64)
		if err != nil {
			return request{}, false
		}
		if span != 0 {
			req.spanID = fmt.Sprintf("%016x", span)
		}
	}
	return req, true
}
