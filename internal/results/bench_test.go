package results

import (
	"bytes"
	stdjson "encoding/json"
	"io"
	"math"
	"strings"
	"testing"

	goccy "github.com/goccy/go-json"
	"github.com/tidwall/gjson"
)

// commonLine is what a batch of common prompts gives, 2 kB: a key, one
// candidate with a kilobyte of escaped prose, a signature, usage.
func commonLine() []byte {
	prose := strings.Repeat(`The results of the batch are \"joined\" by key, never by position.\n`, 20)
	signature := strings.Repeat("Q2FsbCBtZSBJc2htYWVs", 20)
	return []byte(`{"key":"request-000017","response":{"candidates":[{"content":{"parts":[{"text":"` + prose +
		`","thoughtSignature":"` + signature + `"}],"role":"model"},"finishReason":"STOP","index":0,"avgLogprobs":-0.0214}],` +
		`"usageMetadata":{"promptTokenCount":412,"candidatesTokenCount":301,"thoughtsTokenCount":96,"totalTokenCount":809,` +
		`"promptTokensDetails":[{"modality":"TEXT","tokenCount":412}]},"modelVersion":"gemini-2.5-flash","responseId":"x7VzaPq9KJ"}}`)
}

func BenchmarkParse(b *testing.B) {
	line := commonLine()
	b.SetBytes(int64(len(line)))
	b.ReportAllocs()
	for b.Loop() {
		Parse(line)
	}
}

// BenchmarkScanner reads 16 MiB of common lines.
func BenchmarkScanner(b *testing.B) {
	line := append(commonLine(), '\n')
	object := bytes.Repeat(line, 16<<20/len(line))
	b.SetBytes(int64(len(object)))
	b.ReportAllocs()
	for b.Loop() {
		s := NewScanner(io.NopCloser(bytes.NewReader(object)), 0, math.MaxInt64, int64(len(object)), 16<<20)
		n := 0
		for s.Scan() {
			n++
		}
		if n != len(object)/len(line) || s.Err() != nil {
			b.Fatalf("%d lines, %v", n, s.Err())
		}
	}
}

// BenchmarkValid is what the choice of the library rests on: the walk behind it
// is the same for all.
func BenchmarkValid(b *testing.B) {
	line := commonLine()
	for _, library := range []struct {
		name  string
		valid func([]byte) bool
	}{
		{"goccy", goccy.Valid}, {"gjson", gjson.ValidBytes}, {"encoding_json", stdjson.Valid},
	} {
		b.Run(library.name, func(b *testing.B) {
			b.SetBytes(int64(len(line)))
			b.ReportAllocs()
			for b.Loop() {
				if !library.valid(line) {
					b.Fatal("not valid")
				}
			}
		})
	}
}
