package outcome

import (
	"strings"
	"testing"
)

// line is a result as most of them are: 2 kB of text in a 3 kB response.
func line() Result {
	text := strings.Repeat("The quick brown fox jumps over the lazy dog.\n", 45)
	return Result{
		Source:       Source{URI: "gs://bucket/prefix/results.jsonl", Generation: "1700000000000000", Offset: 1 << 30, Length: 3000},
		Key:          ptr("request-000001"),
		Status:       "succeeded",
		Text:         &text,
		FinishReason: "STOP",
		ModelVersion: "gemini-2.5-flash",
		Usage:        &Usage{Prompt: ptr[int64](10), Candidates: ptr[int64](500), Total: ptr[int64](510)},
		Response:     []byte(`{"x":"` + strings.Repeat("y", 3000) + `"}`),
	}
}

func BenchmarkResult(b *testing.B) {
	o, r := of(delivery(), batchBody), line()
	b.ReportAllocs()
	for b.Loop() {
		b.SetBytes(int64(len(o.Result(r).Data)))
	}
}

// TestResultAllocations: a batch has millions of lines. The data, the id, the
// attributes and the parts that outlive the call are all that is allocated.
func TestResultAllocations(t *testing.T) {
	o, r := of(delivery(), batchBody), line()
	const limit = 7
	if got := testing.AllocsPerRun(100, func() { o.Result(r) }); got > limit {
		t.Errorf("%v allocations for a result, at most %d are wanted", got, limit)
	}
}
