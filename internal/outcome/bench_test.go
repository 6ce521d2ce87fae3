package outcome

import (
	"strings"
	"testing"
)

// line is a result as most of them are: 2 kB of text in a 3 kB response.
func line() (Source, Line) {
	text := strings.Repeat("The quick brown fox jumps over the lazy dog.\n", 45)
	source := Source{URI: "gs://bucket/prefix/results.jsonl", Generation: "1700000000000000", Offset: 1 << 30, Length: 3000}
	return source, Line{
		Key: "request-000001", HasKey: true,
		Status: "succeeded",
		Text:   text, HasText: true,
		FinishReason: "STOP",
		ModelVersion: "gemini-2.5-flash",
		Usage:        usage(map[string]int64{"prompt_tokens": 10, "candidates_tokens": 500, "total_tokens": 510}),
		Response:     []byte(`{"x":"` + strings.Repeat("y", 3000) + `"}`),
	}
}

func BenchmarkResult(b *testing.B) {
	o := of(delivery(), batchBody)
	source, r := line()
	b.ReportAllocs()
	for b.Loop() {
		b.SetBytes(int64(len(o.Result(source, r).Data)))
	}
}

// TestResultAllocations: a batch has millions of lines. The data, the id, the
// attributes and the parts that outlive the call are all that is allocated.
func TestResultAllocations(t *testing.T) {
	o := of(delivery(), batchBody)
	source, r := line()
	const limit = 7
	if got := testing.AllocsPerRun(100, func() { o.Result(source, r) }); got > limit {
		t.Errorf("%v allocations for a result, at most %d are wanted", got, limit)
	}
}
