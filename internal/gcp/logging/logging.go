// Package logging writes log/slog records as Cloud Logging reads them from a
// function's stderr: one JSON object per line with its special field names
// (https://cloud.google.com/logging/docs/structured-logging).
//
// The Functions Framework's LogWriter is not used: it wraps a JSON line into a
// string, and the severity is lost.
package logging

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"strconv"

	"example.com/gemini-webhook/internal/trace"
)

// Cloud Logging's special fields.
const (
	keySeverity       = "severity"
	keyMessage        = "message"
	keyTime           = "time"
	keyTrace          = "logging.googleapis.com/trace"
	keySpanID         = "logging.googleapis.com/spanId"
	keyTraceSampled   = "logging.googleapis.com/trace_sampled"
	keyLabels         = "logging.googleapis.com/labels"
	keySourceLocation = "logging.googleapis.com/sourceLocation"
)

// reserved are the top-level keys that the handler writes itself. An attribute
// of that name gets an underscore, for a JSON object with a key twice means
// something else to every reader.
var reserved = []string{
	keySeverity, keyMessage, keyTime, keyTrace, keySpanID, keyTraceSampled, keyLabels, keySourceLocation,
	slog.LevelKey, slog.MessageKey,
}

// New returns a logger that writes records of at least level to w, a line each.
// A record whose context went through With carries that request's trace in
// project and its execution id; one whose context went through trace.With carries
// that trace, and the request's in a label. Without a project traces are left out.
// Errors name the line of code that logged them.
//
// A text over 8 KiB is cut, and of a line over 64 KiB the attributes are left out:
// an error may quote what strangers wrote.
//
// It does not redact: what must not be logged must not be passed to it.
func New(w io.Writer, level slog.Level, project string) *slog.Logger {
	return slog.New(&handler{
		project: project,
		json: slog.NewJSONHandler(bounded{w}, &slog.HandlerOptions{
			Level:       level,
			ReplaceAttr: rename,
		}),
	})
}

// rename gives slog's own fields Cloud Logging's names. Attributes with these
// names do not get here: topLevel has renamed them.
func rename(groups []string, a slog.Attr) slog.Attr {
	if len(groups) > 0 {
		return a
	}
	switch a.Key {
	case slog.LevelKey:
		level, _ := a.Value.Any().(slog.Level)
		return slog.String(keySeverity, severity(level))
	case slog.MessageKey:
		a.Key = keyMessage
	}
	return a
}

func severity(level slog.Level) string {
	switch {
	case level < slog.LevelInfo:
		return "DEBUG"
	case level < slog.LevelWarn:
		return "INFO"
	case level < slog.LevelError:
		return "WARNING"
	}
	return "ERROR"
}

// handler adds the request's fields at the top level, whatever groups are open;
// slog.JSONHandler would put them into the innermost group. So it keeps groups
// and attributes itself and hands over each record complete.
type handler struct {
	json    slog.Handler
	project string
	outer   []scope // the logger's attributes; the last scope is the open group
}

// scope is a group and the attributes given within it; the first has no name.
type scope struct {
	group string
	attrs []slog.Attr
}

// Enabled implements slog.Handler.
func (h *handler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.json.Enabled(ctx, level)
}

// WithAttrs implements slog.Handler.
func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	if len(attrs) == 0 {
		return h
	}
	next := *h
	next.outer = slices.Clone(h.outer)
	if len(next.outer) == 0 {
		next.outer = []scope{{}}
	}
	last := &next.outer[len(next.outer)-1]
	last.attrs = slices.Concat(last.attrs, attrs)
	return &next
}

// WithGroup implements slog.Handler.
func (h *handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	next := *h
	next.outer = slices.Clone(h.outer)
	if len(next.outer) == 0 {
		next.outer = []scope{{}}
	}
	next.outer = append(next.outer, scope{group: name})
	return &next
}

// Handle implements slog.Handler.
func (h *handler) Handle(ctx context.Context, r slog.Record) error {
	var attrs []slog.Attr
	r.Attrs(func(a slog.Attr) bool {
		attrs = append(attrs, a)
		return true
	})
	for i := len(h.outer) - 1; i >= 0; i-- {
		s := h.outer[i]
		attrs = slices.Concat(s.attrs, attrs)
		if s.group != "" {
			attrs = []slog.Attr{{Key: s.group, Value: slog.GroupValue(attrs...)}}
		}
	}
	line := slog.NewRecord(r.Time, r.Level, clip(r.Message), r.PC)
	line.AddAttrs(h.requestAttrs(ctx)...)
	if source := r.Source(); source != nil && r.Level >= slog.LevelError {
		line.AddAttrs(slog.Group(keySourceLocation,
			slog.String("file", source.File),
			slog.String("line", strconv.Itoa(source.Line)), // an int64 in JSON is a string
			slog.String("function", source.Function)))
	}
	short := line.Clone()
	line.AddAttrs(topLevel(attrs)...)
	err := h.json.Handle(ctx, line)
	if errors.Is(err, errTooLong) {
		short.AddAttrs(slog.Bool("attributes_left_out", true))
		err = h.json.Handle(ctx, short)
	}
	return err
}

// requestAttrs are the special fields of the request that With put into ctx, and of
// the trace that the work in it belongs to.
func (h *handler) requestAttrs(ctx context.Context) []slog.Attr {
	req, _ := ctx.Value(requestKey{}).(request)
	var attrs, labels []slog.Attr
	if req.executionID != "" {
		labels = append(labels, slog.String("execution_id", req.executionID))
	}
	if h.project != "" {
		of := req.trace
		if work := trace.From(ctx); work.Trace != "" && work.Trace != of.Trace {
			if of.Trace != "" { // by which the request is found in Cloud Run's log
				labels = append(labels, slog.String("request_trace", h.traceName(of)))
			}
			of = work
		}
		attrs = h.traceAttrs(of)
	}
	if len(labels) > 0 {
		attrs = append(attrs, slog.Attr{Key: keyLabels, Value: slog.GroupValue(labels...)})
	}
	return attrs
}

func (h *handler) traceAttrs(c trace.Context) []slog.Attr {
	if c.Trace == "" {
		return nil
	}
	attrs := []slog.Attr{slog.String(keyTrace, h.traceName(c)), slog.Bool(keyTraceSampled, c.Sampled)}
	if c.Span != "" {
		attrs = append(attrs, slog.String(keySpanID, c.Span))
	}
	return attrs
}

func (h *handler) traceName(c trace.Context) string {
	return "projects/" + h.project + "/traces/" + c.Trace
}

// topLevel resolves attributes, opens groups without a name, which slog inlines,
// and moves those with a reserved name out of the way.
func topLevel(attrs []slog.Attr) []slog.Attr {
	var flat []slog.Attr
	for _, a := range attrs {
		a.Value = a.Value.Resolve()
		if a.Key == "" && a.Value.Kind() == slog.KindGroup {
			flat = append(flat, topLevel(a.Value.Group())...)
			continue
		}
		if slices.Contains(reserved, a.Key) {
			a.Key += "_"
		}
		a.Value = clipped(a.Value)
		flat = append(flat, a)
	}
	return flat
}
