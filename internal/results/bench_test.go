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

// decoded is the shape for the libraries that fill structs.
type decoded struct {
	Key      stdjson.RawMessage `json:"key"`
	Response stdjson.RawMessage `json:"response"`
	Request  stdjson.RawMessage `json:"request"`
	Error    stdjson.RawMessage `json:"error"`
	Status   stdjson.RawMessage `json:"status"`
}

type decodedResponse struct {
	Candidates []struct {
		Content struct {
			Parts []struct {
				Text    *string `json:"text"`
				Thought bool    `json:"thought"`
			} `json:"parts"`
		} `json:"content"`
		FinishReason string `json:"finishReason"`
	} `json:"candidates"`
	UsageMetadata struct {
		PromptTokenCount, CandidatesTokenCount, ThoughtsTokenCount, TotalTokenCount *int64
	} `json:"usageMetadata"`
	ModelVersion string `json:"modelVersion"`
}

// BenchmarkParse compares what the doc comment of the package speaks of. The
// two struct decoders do less than Parse: no odd types, no exact names.
func BenchmarkParse(b *testing.B) {
	line := commonLine()
	bench := func(name string, parse func([]byte) error) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(line)))
			b.ReportAllocs()
			for b.Loop() {
				if err := parse(line); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	bench("goccy_valid_and_walk", func(raw []byte) error { Parse(raw); return nil })
	bench("goccy_unmarshal", func(raw []byte) error {
		var d decoded
		var r decodedResponse
		if err := goccy.Unmarshal(raw, &d); err != nil {
			return err
		}
		return goccy.Unmarshal(d.Response, &r)
	})
	bench("encoding_json_unmarshal", func(raw []byte) error {
		var d decoded
		var r decodedResponse
		if err := stdjson.Unmarshal(raw, &d); err != nil {
			return err
		}
		return stdjson.Unmarshal(d.Response, &r)
	})
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
