package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

// mostMemory is what the receiver may have resident, whatever the results.
const mostMemory = 128 << 20

const testSecret = "whsec_ZW5kIHRvIGVuZCwgYSBzZWNyZXQgb2YgdGVzdHMhISE="

// lines of a generated object are all of this length, line end included, which
// divides no range size: lines lie across every border.
const generatedLine = 2003

// generateLine makes the n-th line.
func generateLine(n int64) []byte {
	const head, foot = `{"key":"k%09d","response":{"candidates":[{"content":{"parts":[{"text":"The answer is `,
		`"}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":2,"candidatesTokenCount":3,"totalTokenCount":5}}}` + "\n"
	line := fmt.Appendf(make([]byte, 0, generatedLine), head, n)
	line = append(line, bytes.Repeat([]byte("x"), generatedLine-len(line)-len(foot))...)
	return append(line, foot...)
}

// generate fills p with the lines from off on.
func generate(off int64, p []byte) {
	line := generateLine(0)
	const digits = len(`{"key":"k`)
	for n := off / generatedLine; len(p) > 0; n++ {
		copy(line[digits:], fmt.Appendf(nil, "%09d", n))
		skip := max(off-n*generatedLine, 0)
		p = p[copy(p, line[skip:]):]
	}
}

// A result of 1 GiB, and a file of the Gemini API of 256 MiB that is copied first
// (64 MiB under the race detector, whose check is about the rest), in bounded memory,
// with the default settings. It is not parallel: the machine's memory and time are
// its own.
func TestMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("processes 1.5 GiB; run without -short")
	}
	for _, test := range []struct {
		name   string
		atOnce int
		size   int64
		file   bool // of the Gemini API
	}{
		{"one range at a time", 1, 1 << 30, false},
		{"four ranges at once", 4, 256 << 20, false},
		{"a copied file, four ranges at once", 4, 256 << 20, true},
	} {
		if raceDetector { // of the tests' own cloud; the receiver is built as always
			test.size = 64 << 20
		}
		t.Run(test.name, func(t *testing.T) {
			lines := test.size/generatedLine + 1
			begin := time.Now()
			r := newBench(t)
			if test.file {
				r.job(t, int(lines), generatedLine, true)
			} else {
				r.batch(t, lines*generatedLine, generate)
			}
			r.push(t, test.atOnce)
			peak := r.receiver.peakMemory(t)
			n, distinct, published := r.pubsub.results()
			t.Logf("%d lines of %d MiB, %d MiB of outcomes in %.1f s, peak memory %d MiB",
				n, lines*generatedLine>>20, published>>20, time.Since(begin).Seconds(), peak>>20)
			if int64(n) != lines || int64(distinct) != lines {
				t.Errorf("%d lines, %d different, want %d", n, distinct, lines)
			}
			done := onlyOutcome(t, r.pubsub)
			want := totals{Total: int(lines), Succeeded: int(lines)}
			if done.Type != "batch.completed" || done.Results != want || done.Bytes < lines*generatedLine || !test.file && done.Bytes != lines*generatedLine {
				t.Errorf("got %s %+v of %d bytes, want %+v of %d", done.Type, done.Results, done.Bytes, want, lines*generatedLine)
			}
			if peak > mostMemory {
				t.Errorf("peak memory %d MiB, want at most %d", peak>>20, mostMemory>>20)
			}
		})
	}
}

// onlyOutcome is the one besides the lines. It may be repeated.
func onlyOutcome(t *testing.T, pubsub *tally) outcome {
	t.Helper()
	var first outcome
	for i, raw := range pubsub.others() {
		var o outcome
		must(t, json.Unmarshal(raw, &o))
		if i == 0 {
			first = o
		}
		if o.ID != first.ID {
			t.Errorf("unexpected: %s", strings.ToValidUTF8(string(raw), "?"))
		}
	}
	return first
}
