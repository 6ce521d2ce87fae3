package e2e

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/gemini-webhook/internal/localcloud"
	"example.com/gemini-webhook/internal/localcloud/gcs"
)

// Lines of every shape through the whole path: each becomes one outcome, none
// shifts another (SPEC.md "Lines").
func TestLinesOfEveryShape(t *testing.T) {
	t.Parallel()
	shapes := []struct {
		line                    string
		key, status, code, text string
	}{
		{`{"key":"plain","response":{"candidates":[{"content":{"parts":[{"text":"a"},{"text":"b"}]}}]}}`, "plain", "succeeded", "", "ab"},
		{``, "", "", "", ""}, // blank: no outcome
		{" \t ", "", "", "", ""},
		{`{"key":"crlf","response":{"candidates":[{"content":{"parts":[{"text":"c"}]}}]}}` + "\r", "crlf", "succeeded", "", "c"},
		{`{"key":"half`, "", "invalid", "not_json", ""},
		{`{"key":"failed","error":{"code":8,"message":"exhausted"}}`, "failed", "failed", "8", ""},
		{`{"key":"status","status":{"code":13,"message":"internal"}}`, "status", "failed", "13", ""},
		{`{"candidates":[{"content":{"parts":[{"text":"bare"}]}}]}`, "", "succeeded", "", "bare"},
		{`{"request":{"contents":[]},"response":{"candidates":[]},"status":""}`, "", "succeeded", "", ""},
		{`{"request":{"contents":[]},"status":"Bad Request"}`, "", "failed", "", ""},
		{`{"key":"blocked","response":{"promptFeedback":{"blockReason":"SAFETY"}}}`, "blocked", "failed", "blocked", ""},
		{`{"key":"thoughts","response":{"candidates":[{"content":{"parts":[{"text":"no","thought":true},{"text":"yes"}]}}]}}`, "thoughts", "succeeded", "", "yes"},
		{"{\"key\":\"a\xff\xfeb\",\"response\":{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"\xc3\"}]}}]}}", "a\uFFFDb", "succeeded", "", "\uFFFD"},
		{`{"key":"` + strings.Repeat("é", 1000) + `","response":{}}`, strings.Repeat("é", 1000), "succeeded", "", ""},
		{`{"key":42,"response":{}}`, "42", "succeeded", "", ""},
		{`42`, "", "invalid", "unknown_shape", ""},
		{`{"key":"nothing"}`, "nothing", "invalid", "unknown_shape", ""},
		{`{"key":"null","response":null}`, "null", "invalid", "unknown_shape", ""},
		{`{"key":"long","response":{"text":"` + strings.Repeat("x", 5000) + `"}}`, "long", "invalid", "line_too_long", ""},
		{`{"key":"last, without its end","response":{}}`, "last, without its end", "succeeded", "", ""},
	}
	type line struct{ key, status, code, text string }
	var content strings.Builder
	content.WriteString("\xEF\xBB\xBF")
	want := make(map[int64]line) // by offset
	total := totals{}
	for i, s := range shapes {
		if i > 0 {
			content.WriteString("\n")
		}
		if s.status != "" {
			want[int64(content.Len())] = line{s.key, s.status, s.code, s.text}
			total.Total++
		}
		switch s.status {
		case "succeeded":
			total.Succeeded++
		case "failed":
			total.Failed++
		case "invalid":
			total.Invalid++
		}
		content.WriteString(s.line)
	}
	for _, encoding := range []string{"", "gzip"} {
		t.Run("encoding "+encoding, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, options{env: []string{"CHUNK_BYTES=100", "MAX_LINE_BYTES=4096"}})
			stored := []byte(content.String())
			if encoding == "gzip" {
				var packed bytes.Buffer
				w := gzip.NewWriter(&packed)
				_, err := w.Write(stored)
				must(t, err)
				must(t, w.Close())
				stored = packed.Bytes()
			}
			r.cloud.Storage.Put(localcloud.ResultBucket, object, stored, gcs.Attrs{ContentEncoding: encoding})
			r.succeed(objectURI)
			done := r.completed()
			if diff := cmp.Diff(total, done.Results); diff != "" || done.Bytes != int64(len(stored)) {
				t.Errorf("%d bytes, results (-want +got):\n%s", done.Bytes, diff)
			}
			got := make(map[int64]line)
			byID, repeats := r.seen.results(t)
			for _, o := range byID {
				l := line{status: o.Status, code: o.Error.Code}
				if o.Key != nil {
					l.key = *o.Key
				}
				if o.Text != nil {
					l.text = *o.Text
				}
				got[o.Source.Offset] = l
				if o.Source.Encoding != encoding {
					t.Errorf("encoding %q of %s", o.Source.Encoding, o.raw)
				}
			}
			if diff := cmp.Diff(want, got, cmp.AllowUnexported(line{})); diff != "" || repeats != 0 {
				t.Errorf("%d repeats, lines by offset (-want +got):\n%s", repeats, diff)
			}
		})
	}
}

// A line of 100 MiB is reported; the lines around it arrive, and memory stays
// bounded, with the default settings.
func TestHugeLine(t *testing.T) {
	if testing.Short() {
		t.Skip("processes 100 MiB; run without -short")
	}
	const huge = 100 << 20
	before, after := jsonl(1000), strings.ReplaceAll(jsonl(1000), `"k`, `"after-`)
	head, foot := `{"key":"huge","response":{"text":"`, `"}}`+"\n"
	start, end := int64(len(before)), int64(len(before)+huge)
	at := func(off int64, p []byte) {
		for i := range p {
			p[i] = 'x'
		}
		for _, part := range []struct {
			at   int64
			text string
		}{{0, before}, {start, head}, {end - int64(len(foot)), foot}, {end, after}} {
			if from, to := max(part.at, off), min(part.at+int64(len(part.text)), off+int64(len(p))); from < to {
				copy(p[from-off:to-off], part.text[from-part.at:])
			}
		}
	}
	peak, pubsub := processGenerated(t, end+int64(len(after)), at, 4)
	lines, distinct, _ := pubsub.results()
	done := onlyOutcome(t, pubsub)
	want := totals{Total: 2001, Succeeded: 2000, Invalid: 1}
	if lines != want.Total || distinct != want.Total || done.Results != want {
		t.Errorf("%d lines, %d different, totals %+v, want %+v", lines, distinct, done.Results, want)
	}
	t.Logf("peak memory %d MiB", peak>>20)
	if peak > mostMemory {
		t.Errorf("peak memory %d MiB, want at most %d", peak>>20, mostMemory>>20)
	}
	source := fmt.Sprintf(`"offset":%d,"length":%d`, start, huge-1)
	if report := pubsub.invalid(); len(report) != 1 || !strings.Contains(report[0], "line_too_long") || !strings.Contains(report[0], `"key":"huge"`) || !strings.Contains(report[0], source) {
		t.Errorf("the report of the line, which is at %s: %s", source, report)
	}
}
