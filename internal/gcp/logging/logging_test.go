package logging_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"testing/slogtest"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"example.com/gemini-webhook/internal/gcp/logging"
)

const (
	traceID = "4bf92f3577b34da6a3ce929d0e0e4736"
	project = "acme-prod"
)

// lines decodes what was logged and fails on anything but one object per line.
func lines(t *testing.T, out []byte) []map[string]any {
	t.Helper()
	if len(out) == 0 {
		return nil
	}
	if !bytes.HasSuffix(out, []byte("\n")) || !utf8.Valid(out) {
		t.Fatalf("not lines of UTF-8: %q", out)
	}
	var decoded []map[string]any
	for line := range bytes.Lines(out) {
		decoded = append(decoded, object(t, line))
	}
	return decoded
}

// object decodes one line, and fails where a key of the top level is repeated.
func object(t *testing.T, line []byte) map[string]any {
	t.Helper()
	var values map[string]any
	if err := json.Unmarshal(line, &values); err != nil {
		t.Fatalf("line %q: %v", line, err)
	}
	d := json.NewDecoder(bytes.NewReader(line))
	_, _ = d.Token() // the brace; the line is known to be an object
	seen := map[string]bool{}
	for d.More() {
		key, _ := d.Token()
		if name, _ := key.(string); seen[name] {
			t.Fatalf("key %q is there twice: %s", name, line)
		} else {
			seen[name] = true
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			t.Fatalf("line %q: %v", line, err)
		}
	}
	return values
}

// one logs by log and returns the line without its time.
func one(t *testing.T, header http.Header, log func(*slog.Logger, *http.Request)) map[string]any {
	t.Helper()
	var out bytes.Buffer
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", nil)
	r.Header = header
	log(logging.New(&out, slog.LevelDebug, project), r.WithContext(logging.With(t.Context(), r)))
	got := lines(t, out.Bytes())
	if len(got) != 1 {
		t.Fatalf("%d lines, want 1: %s", len(got), out.Bytes())
	}
	text, _ := got[0]["time"].(string)
	if _, err := time.Parse(time.RFC3339Nano, text); err != nil {
		t.Errorf("time: %v", err)
	}
	delete(got[0], "time")
	return got[0]
}

func TestFields(t *testing.T) {
	t.Parallel()
	header := http.Header{
		"X-Cloud-Trace-Context": {strings.ToUpper(traceID) + "/255;o=1"},
		"Function-Execution-Id": {"abc123DEF456"},
	}
	got := one(t, header, func(l *slog.Logger, r *http.Request) {
		l.With("door", "public").WithGroup("delivery").With("scheme", "rs256").
			InfoContext(r.Context(), "accepted", "bytes", 12)
	})
	want := map[string]any{
		"severity":                             "INFO",
		"message":                              "accepted",
		"logging.googleapis.com/trace":         "projects/acme-prod/traces/" + traceID,
		"logging.googleapis.com/spanId":        "00000000000000ff",
		"logging.googleapis.com/trace_sampled": true,
		"logging.googleapis.com/labels":        map[string]any{"execution_id": "abc123DEF456"},
		"door":                                 "public",
		"delivery":                             map[string]any{"scheme": "rs256", "bytes": 12.0},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestSeverities(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	l := logging.New(&out, slog.LevelInfo, project)
	for _, level := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelInfo + 1, slog.LevelWarn, slog.LevelError, slog.LevelError + 4} {
		l.Log(t.Context(), level, "x")
	}
	var got []any
	for _, line := range lines(t, out.Bytes()) {
		got = append(got, line["severity"])
	}
	if diff := cmp.Diff([]any{"INFO", "INFO", "WARNING", "ERROR", "ERROR"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	out.Reset()
	logging.New(&out, slog.LevelDebug, project).Debug("x")
	if got := lines(t, out.Bytes())[0]["severity"]; got != "DEBUG" {
		t.Errorf("severity of debug: %v", got)
	}
}

func TestErrorsNameTheirSource(t *testing.T) {
	t.Parallel()
	got := one(t, nil, func(l *slog.Logger, r *http.Request) { l.ErrorContext(r.Context(), "x") })
	source, _ := got["logging.googleapis.com/sourceLocation"].(map[string]any)
	file, _ := source["file"].(string)
	line, _ := source["line"].(string)
	function, _ := source["function"].(string)
	if filepath.Base(file) != "logging_test.go" || line == "" || !strings.Contains(function, "TestErrorsNameTheirSource") {
		t.Errorf("source is %v", source)
	}
	got = one(t, nil, func(l *slog.Logger, r *http.Request) { l.WarnContext(r.Context(), "x") })
	if _, ok := got["logging.googleapis.com/sourceLocation"]; ok {
		t.Error("a warning has a source")
	}
}

func TestWithoutProjectThereIsNoTrace(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", nil)
	r.Header.Set("X-Cloud-Trace-Context", traceID)
	logging.New(&out, slog.LevelInfo, "").InfoContext(logging.With(t.Context(), r), "x")
	if strings.Contains(out.String(), traceID) {
		t.Errorf("trace without a project: %s", &out)
	}
}

func TestReservedNamesAreKeptApart(t *testing.T) {
	t.Parallel()
	got := one(t, nil, func(l *slog.Logger, r *http.Request) {
		l.With("severity", "a", slog.Group("", "time", "b")).WarnContext(r.Context(), "real",
			"message", "c", "msg", "d", "level", "e", "logging.googleapis.com/labels", "f",
			slog.Group("inner", "message", "g", "level", "h"))
	})
	want := map[string]any{
		"severity": "WARNING", "message": "real",
		"severity_": "a", "time_": "b", "message_": "c", "msg_": "d", "level_": "e", "logging.googleapis.com/labels_": "f",
		"inner": map[string]any{"message": "g", "level": "h"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// panics is a value that a log line must survive.
type panics struct{}

func (panics) LogValue() slog.Value { panic("no value") }

func TestWhateverIsLoggedIsOneLine(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]any{
		"line ends":      "a\nb\r\nc\u2028d",
		"invalid UTF-8":  "a\xffb",
		"quotes":         `"}{"severity":"EMERGENCY"`,
		"raw JSON":       json.RawMessage("{\n\"a\":\n1}"),
		"broken JSON":    json.RawMessage("{"),
		"error":          errors.Join(errors.New("one"), errors.New("two")),
		"not a number":   math.NaN(),
		"no JSON":        func() {},
		"panics":         panics{},
		"nil":            nil,
		"bytes":          []byte("\x00\xff"),
		"key with break": map[string]any{"a\nb\xff": 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			one(t, nil, func(l *slog.Logger, r *http.Request) {
				l.InfoContext(r.Context(), "x", "value", value)
			})
		})
	}
}

func TestHandlerFollowsSlog(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	results := func() []map[string]any {
		decoded := lines(t, out.Bytes())
		for _, line := range decoded { // what the handler renames on purpose
			line[slog.LevelKey], line[slog.MessageKey] = line["severity"], line["message"]
		}
		return decoded
	}
	if err := slogtest.TestHandler(logging.New(&out, slog.LevelInfo, project).Handler(), results); err != nil {
		t.Error(err)
	}
}

func FuzzLine(f *testing.F) {
	f.Add("message", "key", "value", "group")
	f.Add("a\nb", "severity", "\xff", "")
	f.Add(`"}`, "", "\u2028", "time")
	f.Fuzz(func(t *testing.T, message, key, value, group string) {
		one(t, nil, func(l *slog.Logger, r *http.Request) {
			l.WithGroup(group).InfoContext(r.Context(), message, key, value)
		})
	})
}
