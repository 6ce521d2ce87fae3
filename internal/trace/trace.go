// Package trace knows which trace a request belongs to, and takes it along: from a
// delivery through the queue to the lines and messages that come of it, as W3C Trace
// Context level 1 writes it (the header traceparent). It exports no spans and makes no
// traces: Cloud Run gives one to every request.
package trace

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
)

// Context is a place in a trace. The zero value is none.
type Context struct {
	Trace   string // 32 lower-case hexadecimal digits, or empty
	Span    string // 16 lower-case hexadecimal digits, or empty
	Sampled bool
}

var (
	traceparent = regexp.MustCompile(`^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$`)
	cloudTrace  = regexp.MustCompile(`^([0-9A-Fa-f]{32})(?:/([0-9]{1,20}))?(?:;o=([0-3]))?$`)
	zeroTrace   = strings.Repeat("0", 32)
	zeroSpan    = strings.Repeat("0", 16)
)

// Of gives a request's trace: X-Cloud-Trace-Context's, by which Cloud Run's own request
// log goes, else that of traceparent.
//
// On the public door these headers are a stranger's. One that is repeated or not of its
// exact form counts as absent. They say nothing about who sent the request.
func Of(h http.Header) Context {
	if c := parseCloudTrace(single(h, "X-Cloud-Trace-Context")); c.Trace != "" {
		return c
	}
	return Parse(single(h, "Traceparent"))
}

// Traceparent gives a request's trace as a traceparent: the header as it is, unless Of
// goes by another one. It is empty where there is no trace, or no span in it.
func Traceparent(h http.Header) string {
	c := Of(h)
	if sent := single(h, "Traceparent"); c.Trace != "" && Parse(sent).Trace == c.Trace {
		return sent
	}
	if c.Span == "" {
		return ""
	}
	flags := map[bool]string{true: "01", false: "00"}[c.Sampled]
	return "00-" + c.Trace + "-" + c.Span + "-" + flags
}

// Parse reads "VERSION-TRACE-SPAN-FLAGS". What has another form is no trace.
func Parse(text string) Context {
	m := traceparent.FindStringSubmatch(text)
	if m == nil || m[1] == "ff" || m[2] == zeroTrace || m[3] == zeroSpan {
		return Context{}
	}
	flags, _ := strconv.ParseUint(m[4], 16, 8) // two digits
	return Context{Trace: m[2], Span: m[3], Sampled: flags&1 == 1}
}

// parseCloudTrace reads "TRACE/SPAN;o=OPTIONS", where SPAN is a decimal number and may be
// left out with or without the options.
func parseCloudTrace(text string) Context {
	m := cloudTrace.FindStringSubmatch(text)
	if m == nil || m[1] == zeroTrace {
		return Context{}
	}
	c := Context{Trace: strings.ToLower(m[1]), Sampled: m[3] == "1" || m[3] == "3"}
	if m[2] == "" {
		return c
	}
	span, err := strconv.ParseUint(m[2], 10, 64)
	if err != nil {
		return Context{}
	}
	if span != 0 {
		c.Span = fmt.Sprintf("%016x", span)
	}
	return c
}

// single returns a header's value, or nothing where it is absent or repeated.
func single(h http.Header, name string) string {
	if values := h.Values(name); len(values) == 1 {
		return values[0]
	}
	return ""
}

type key struct{}

// With gives a context for work that belongs to a trace, whatever request it is done in.
// Without a trace it is ctx.
func With(ctx context.Context, c Context) context.Context {
	if c.Trace == "" {
		return ctx
	}
	return context.WithValue(ctx, key{}, c)
}

// From gives what With put into ctx, else the zero Context.
func From(ctx context.Context) Context {
	c, _ := ctx.Value(key{}).(Context)
	return c
}
