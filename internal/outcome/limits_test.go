package outcome

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"example.com/gemini-webhook/internal/event"
)

// truncated returns the names in `truncated`.
func truncated(data map[string]any) []string {
	var names []string
	list, _ := data["truncated"].([]any)
	for _, n := range list {
		names = append(names, n.(string))
	}
	return names
}

func TestResultLimits(t *testing.T) {
	t.Parallel()
	const mib = 1 << 20
	object := func(n int) []byte { return []byte(`{"x":"` + strings.Repeat("y", n) + `"}`) }
	tests := []struct {
		name      string
		line      Line
		omitted   bool
		truncated []string
	}{
		{"text and response fit", Line{Text: strings.Repeat("x", 4*mib), HasText: true, Response: object(4 * mib)}, false, nil},
		{"response over the limit", Line{Text: "t", HasText: true, Response: object(9 * mib)}, true, nil},
		{"response and request together", Line{Response: object(5 * mib), Request: object(5 * mib)}, true, nil},
		{"text and response together", Line{Text: strings.Repeat("x", 5*mib), HasText: true, Response: object(5 * mib)}, true, nil},
		{"request alone", Line{Request: object(10 * mib)}, true, nil},
		{"extra that just fits", Line{Extra: object(64<<10 - 8)}, false, nil},
		{"extra over its limit", Line{Extra: object(64<<10 - 7), Response: object(8)}, false, []string{"extra"}},
		{"details that just fit", Line{Error: &Error{Details: string(object(16<<10 - 8))}}, false, nil},
		{"details over their limit", Line{Error: &Error{Code: "c", Details: string(object(16<<10 - 7))}}, false, []string{"error.details"}},
		{"details alone over their limit", Line{Error: &Error{Details: string(object(16 << 10))}}, false, []string{"error.details"}},
		{"text cut before", Line{Text: "t", HasText: true, TextCut: true, ResponseOmitted: true}, true, []string{"text"}},
		{"text cut before and over the limit", Line{Text: strings.Repeat("x", 10*mib), HasText: true, TextCut: true, Extra: object(64 << 10)}, false, []string{"extra", "text"}},
		{"text over the limit", Line{Text: strings.Repeat("é", 5*mib), HasText: true, Key: "k", HasKey: true, Response: object(8)}, true, []string{"text"}},
		{"text over the limit by its escapes", Line{Text: strings.Repeat("\x01", 2*mib), HasText: true}, false, []string{"text"}},
		{"text over the limit by its invalid bytes", Line{Text: strings.Repeat("\xff", 4*mib), HasText: true}, false, []string{"text"}},
		{"key over the limit", Line{Text: "t", HasText: true, Key: strings.Repeat("k", 12*mib), HasKey: true}, false, []string{"key"}},
		{"message over the limit", Line{Error: &Error{Code: "c", Message: strings.Repeat("\"", 6*mib)}}, false, []string{"error.message"}},
		{
			"all over the limit",
			Line{Text: strings.Repeat("x", 10*mib), HasText: true, Key: strings.Repeat("k", 10*mib), HasKey: true, Error: &Error{Message: strings.Repeat("m", 10*mib)}},
			false, []string{"text", "key", "error.message"},
		},
		{"others over the limit", Line{Text: "t", HasText: true, ModelVersion: strings.Repeat("m", 10*mib), Error: &Error{Code: strings.Repeat("c", 10*mib)}}, false, []string{"error.code", "model_version"}},
	}
	o := of(delivery(), batchBody)
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			tc.line.Status = "failed"
			text := tc.line.Text
			m := o.Result(Source{}, tc.line)
			data := decode(t, m, MaxResultBytes)
			if len(m.Data) < 1<<20 { // the schema's check of megabytes takes seconds
				checked(t, m, MaxResultBytes)
			}
			_, response := data["response"]
			_, request := data["request"]
			if got := data["response_omitted"] == true; got != tc.omitted || got && (response || request) {
				t.Errorf("response_omitted = %t, want %t; response %t, request %t", got, tc.omitted, response, request)
			}
			if diff := cmp.Diff(tc.truncated, truncated(data)); diff != "" {
				t.Errorf("truncated (-want +got):\n%s", diff)
			}
			failure, _ := data["error"].(map[string]any)
			if names := truncated(data); slices.Contains(names, "extra") && data["extra"] != nil ||
				slices.Contains(names, "error.details") && failure["details"] != nil {
				t.Error("what is too long is not left out")
			}
			long := len(text) > mib || len(tc.line.Key) > mib || tc.line.Error != nil && len(tc.line.Error.Message+tc.line.Error.Code) > mib
			if long && tc.truncated != nil && len(m.Data) < MaxResultBytes-8<<10 {
				t.Errorf("%d bytes remain of %d; more was cut than had to be", len(m.Data), MaxResultBytes)
			}
			if got, ok := data["text"].(string); ok && !strings.HasPrefix(strings.ToValidUTF8(strings.ReplaceAll(text, "\xff", "\uFFFD"), ""), got) {
				t.Error("text is not a prefix of the line's")
			}
		})
	}
}

// TestHugeResultIsNotCopied: what cannot be published costs no memory. Not
// parallel: it counts what the process allocates.
func TestHugeResultIsNotCopied(t *testing.T) {
	const mib = 1 << 20
	text := strings.Repeat("x", 50*mib)
	line := Line{Text: text, HasText: true, Key: text, HasKey: true, Response: []byte(text)}
	o := of(delivery(), batchBody)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	m := o.Result(Source{}, line)
	runtime.ReadMemStats(&after)
	if data := decode(t, m, MaxResultBytes); data["response_omitted"] != true || truncated(data) == nil {
		t.Errorf("response_omitted %v, truncated %v, want both", data["response_omitted"], truncated(data))
	}
	// Two strings of 9 MiB, once to see that they are too long and once cut.
	if n := after.TotalAlloc - before.TotalAlloc; n > 40*mib {
		t.Errorf("%d MiB allocated, want at most 40", n>>20)
	}
}

// TestResultKeepsBytes: what is passed on is not encoded anew.
func TestResultKeepsBytes(t *testing.T) {
	t.Parallel()
	response := []byte("{ \"b\":1.0e+10,\"a\":\"\\u003c<\\/\u2028\",\"a\":2 }")
	m := of(delivery(), batchBody).Result(Source{}, Line{
		Status: "failed", Response: response, Request: []byte("[ ]"), Extra: []byte(`{"a" : 1.0}`), Error: &Error{Details: `"\u003c" `},
	})
	var data struct {
		Response, Request, Extra json.RawMessage
		Error                    struct{ Details json.RawMessage }
	}
	if err := json.Unmarshal(m.Data, &data); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(response), string(data.Response)); diff != "" {
		t.Errorf("response (-want +got):\n%s", diff)
	}
	if string(data.Request) != "[ ]" || string(data.Extra) != `{"a" : 1.0}` || string(data.Error.Details) != `"\u003c"` {
		t.Errorf("request %s, extra %s, details %s", data.Request, data.Extra, data.Error.Details)
	}
	invalid := of(delivery(), batchBody).Result(Source{}, Line{Status: "succeeded", Response: []byte("{\"a\":\"\xff\"}")})
	if got := decode(t, invalid, MaxResultBytes)["response"].(map[string]any)["a"]; got != "\uFFFD" {
		t.Errorf("invalid UTF-8 became %q", got)
	}
}

// TestHugeEvents: whatever member of a body is the huge one, all outcomes
// of the event stay within their limits and say what was cut.
func TestHugeEvents(t *testing.T) {
	t.Parallel()
	const n = 400 << 10 // over the limit, and small enough for sixty of them
	bodies := map[string]struct{ format, truncated string }{
		"resource id":    {`{"type":"batch.expired","data":{"id":"%s"}}`, "resource_id"},
		"time":           {`{"type":"batch.expired","timestamp":"%s"}`, "event_time"},
		"one metadatum":  {`{"type":"batch.expired","user_metadata":{"a":1,"b":"%s"}}`, "user_metadata"},
		"a metadata key": {`{"type":"batch.expired","user_metadata":{"a":1,"%s":1}}`, "user_metadata"},
		"error code":     {`{"type":"batch.failed","data":{"error_code":"%s"}}`, "error.code"},
		"error message":  {`{"type":"batch.failed","data":{"error_message":"%s"}}`, "error.message"},
		"error status":   {`{"type":"batch.failed","data":{"error":{"status":"%s"}}}`, "error.status"},
		"video uri":      {`{"type":"video.generated","data":{"video_uri":"%s"}}`, "video.uri"},
		"video file":     {`{"type":"video.generated","data":{"file_id":"%s"}}`, "video.file"},
		"error details":  {`{"type":"batch.failed","data":{"error":{"details":["%s"]}}}`, "error.details"},
		"unknown event":  {`{"type":"x","data":"%s"}`, ""},
		"no type":        {`["%s"]`, ""},
		"not JSON":       {`["%s"`, "body_base64"},
	}
	for name, b := range bodies {
		for _, filler := range []string{"x", `\u0001`, "é", `\"`, "\xff"} {
			t.Run(fmt.Sprintf("%s/%q", name, filler), func(t *testing.T) {
				t.Parallel()
				o := of(delivery(), fmt.Sprintf(b.format, strings.Repeat(filler, n/len(filler))))
				m := o.Simple()
				if v := o.event.Video; v != nil {
					m = o.Videos([]Video{{Video: *v}}, true)
				}
				data := checked(t, m, MaxBytes)
				var want []string // the event goes first
				if b.truncated != "body_base64" {
					want = append(want, "event")
				}
				if b.truncated != "" {
					want = append(want, b.truncated)
				}
				if diff := cmp.Diff(want, truncated(data), cmpopts.SortSlices(strings.Compare)); diff != "" {
					t.Errorf("truncated (-want +got):\n%s", diff)
				}
				whole := b.truncated == "" || b.truncated == "user_metadata" || b.truncated == "error.details"
				if len(m.Data) < MaxBytes-8<<10 && !whole {
					t.Errorf("%d bytes remain of %d; more was cut than had to be", len(m.Data), MaxBytes)
				}
			})
		}
	}
}

// TestLongInteractions: the event goes first, then the resource, and then the text
// loses its end. What is left out is left out whole.
func TestLongInteractions(t *testing.T) {
	t.Parallel()
	const kib = 1 << 10
	object := func(n int) []byte { return []byte(`{"x":"` + strings.Repeat("y", n) + `"}`) }
	deep := []byte(strings.Repeat(`{"x":`, 9999) + "1" + strings.Repeat("}", 9999))
	for name, test := range map[string]struct {
		event     int
		read      Interaction
		whole     bool
		truncated []string
	}{
		"all fits":              {10 * kib, Interaction{Text: strings.Repeat("x", 100*kib), Resource: object(140 * kib)}, true, nil},
		"without the event":     {20 * kib, Interaction{Text: strings.Repeat("x", 100*kib), Resource: object(150 * kib)}, true, []string{"event"}},
		"without the resource":  {20 * kib, Interaction{Text: strings.Repeat("x", 100*kib), Resource: object(160 * kib)}, false, []string{"event"}},
		"a resource of all":     {0, Interaction{Resource: object(256 * kib)}, false, []string{"event"}},
		"a deep one":            {0, Interaction{Resource: deep}, false, nil},
		"a text":                {0, Interaction{Text: strings.Repeat("é", 130*kib)}, true, []string{"event", "interaction.text"}},
		"a text cut before":     {0, Interaction{Text: strings.Repeat("é", 120*kib), TextCut: true}, true, []string{"interaction.text"}},
		"usage of invalid text": {0, Interaction{Text: strings.Repeat("x", 300*kib), Usage: object(16 * kib)}, true, []string{"event", "interaction.text"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := fmt.Sprintf(`{"type":"interaction.completed","data":{"id":"i","x":%q}}`, strings.Repeat("z", test.event))
			m, whole := of(delivery(), body).Interaction(&test.read, nil)
			if whole != test.whole {
				t.Errorf("the resource fits: %v, want %v", whole, test.whole)
			}
			if name == "a deep one" {
				return // no JSON that can be read
			}
			data := checked(t, m, MaxBytes)
			if diff := cmp.Diff(test.truncated, truncated(data)); diff != "" {
				t.Errorf("truncated (-want +got):\n%s", diff)
			}
			got := data["interaction"].(map[string]any)
			text, _ := got["text"].(string)
			if (got["resource"] != nil) != (whole && test.read.Resource != nil) || !strings.HasPrefix(test.read.Text, text) {
				t.Errorf("resource %v, %d bytes of text", got["resource"] != nil, len(text))
			}
		})
	}
	// With all that there may be beside it.
	metadata := make([]string, 100)
	for i := range metadata {
		metadata[i] = fmt.Sprintf(`"k%d%s":%q`, i, strings.Repeat("k", 240), strings.Repeat("v", 1024))
	}
	bad := []byte(`{"x":"` + strings.Repeat("\xff", 16*kib-8) + `"}`)
	crowded := func(kind string) *Event {
		return of(delivery(), `{"type":"`+kind+`","data":{"id":"i","error":{"message":"`+strings.Repeat("m", 99*kib)+`"}},"user_metadata":{`+strings.Join(metadata, ",")+`}}`)
	}
	m, _ := crowded("interaction.failed").Interaction(&Interaction{Text: strings.Repeat("x", 256*kib), Usage: bad, Labels: bad}, nil)
	checked(t, m, MaxBytes)
	videos := make([]Video, 20)
	for i := range videos {
		videos[i] = Video{Video: event.Video{URI: strings.Repeat("u", 64*kib), File: strings.Repeat("f", 64*kib)}, Error: &Error{Code: "c", Message: strings.Repeat("m", 64*kib)}}
	}
	want := []string{"event", "video.uri", "video.file", "videos.uri", "videos.file", "user_metadata"}
	if diff := cmp.Diff(want, truncated(checked(t, crowded("video.generated").Videos(videos, true), MaxBytes))); diff != "" {
		t.Errorf("truncated (-want +got):\n%s", diff)
	}
}

// TestHugeCommonMembers: 8 MiB of invalid bytes become 24 MiB of replacements, in
// members that every outcome of the event has.
func TestHugeCommonMembers(t *testing.T) {
	t.Parallel()
	filler := strings.Repeat("\xff", 8<<20-512)
	var counts Counts
	for i := range 100 { // names that take six bytes for each of theirs
		code := strings.Repeat("\x01", 46) + string(rune('0'+i/10)) + string(rune('0'+i%10))
		line := Line{Status: "failed", FinishReason: code, Error: &Error{Code: code}}
		counts.AddLine(line.Count())
	}
	for name, format := range map[string]string{
		"resource_id":   `{"type":"batch.succeeded","data":{"id":"%s"}}`,
		"user_metadata": `{"type":"batch.succeeded","user_metadata":{"a":"%s"}}`,
	} {
		if raceDetector && name != "resource_id" {
			continue // seconds each, and nothing in here is concurrent
		}
		o := of(delivery(), fmt.Sprintf(format, filler))
		for limit, m := range map[int]Message{
			MaxResultBytes: o.Result(Source{}, Line{Status: "succeeded", Text: "t", HasText: true, Response: []byte(`{}`)}),
			MaxBytes:       o.Completed(Source{URI: "gs://b/o"}, Totals{Counts: counts}),
		} {
			want := []string{name}
			if limit == MaxBytes {
				want = []string{"event", name}
			}
			if diff := cmp.Diff(want, truncated(decode(t, m, limit))); diff != "" {
				t.Errorf("%s: truncated (-want +got):\n%s", m.Attributes["type"], diff)
			}
		}
	}
}

func TestHugeMetadataKeepsTheSmallMembers(t *testing.T) {
	t.Parallel()
	big := strings.Repeat("x", 200<<10)
	o := of(delivery(), `{"type":"batch.expired","user_metadata":{"a":1,"big":"`+big+`","bigger":"`+big+big+`","z":{"k":[]}}}`)
	data := checked(t, o.Simple(), MaxBytes)
	want := map[string]any{"a": json.Number("1"), "big": big, "z": map[string]any{"k": []any{}}}
	if diff := cmp.Diff(want, data["user_metadata"]); diff != "" {
		t.Error("only the largest member should be dropped")
	}
}

func TestCutBody(t *testing.T) {
	t.Parallel()
	raw := bytes.Repeat([]byte("\x00\xff\n"), 100<<10)
	data := checked(t, of(delivery(), string(raw)).Simple(), MaxBytes)
	got, err := base64.StdEncoding.DecodeString(data["body_base64"].(string))
	if err != nil || !bytes.HasPrefix(raw, got) {
		t.Errorf("a cut body must be the base64 of its start: %v", err)
	}
}

// TestSpecifiedMembersAreCutFirst: a long message gives way before the metadata.
func TestSpecifiedMembersAreCutFirst(t *testing.T) {
	t.Parallel()
	body := func(message, metadata int) string {
		return `{"type":"batch.failed","data":{"error_message":"` + strings.Repeat("m", message<<10) + `"},"user_metadata":{"a":"` + strings.Repeat("x", metadata<<10) + `"}}`
	}
	for _, tc := range []struct {
		message, metadata int // KiB
		want              []string
	}{
		{50, 50, nil},
		{100, 100, []string{"event"}},
		{200, 200, []string{"event", "error.message"}},
		{0, 300, []string{"event", "user_metadata"}},
		{100, 300, []string{"event", "error.message", "user_metadata"}},
	} {
		data := checked(t, of(delivery(), body(tc.message, tc.metadata)).Simple(), MaxBytes)
		if diff := cmp.Diff(tc.want, truncated(data)); diff != "" {
			t.Errorf("message of %d KiB, metadata of %d KiB: truncated (-want +got):\n%s", tc.message, tc.metadata, diff)
		}
	}
}

// Metadata is not multiplied by the lines: a line has what is small, and
// batch.completed what fits a message.
func TestMetadataOfLines(t *testing.T) {
	t.Parallel()
	metadata := func(n, size int) string {
		members := []string{`"job":"42"`}
		for i := range n {
			members = append(members, fmt.Sprintf(`"m%03d":[%q]`, i, strings.Repeat("x", size)))
		}
		return `{"type":"batch.succeeded","data":{"id":"batch_1","output_file_uri":"gs://b/o.jsonl"},"user_metadata":{` + strings.Join(members, ",") + `}}`
	}
	for _, tc := range []struct {
		name      string
		n, size   int // of members that are no attributes
		most      int // bytes of a line's data
		truncated []string
	}{
		{"usual", 3, 100, 2 << 10, nil},
		{"just what is allowed", 64, 1000, 66 << 10, nil},
		{"over it", 65, 1000, 66 << 10, []string{"user_metadata"}},
		{"one large member", 1, 200_000, 2 << 10, []string{"user_metadata"}},
		{"megabytes", 70, 100_000, 66 << 10, []string{"user_metadata"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			o := of(delivery(), metadata(tc.n, tc.size))
			m := o.Result(Source{URI: "gs://b/o.jsonl"}, Line{Status: "succeeded", Text: "t", HasText: true})
			data := checked(t, m, tc.most)
			if diff := cmp.Diff(tc.truncated, truncated(data)); diff != "" {
				t.Errorf("truncated (-want +got):\n%s", diff)
			}
			if got := data["user_metadata"].(map[string]any)["job"]; got != "42" || m.Attributes["meta_job"] != "42" {
				t.Errorf("the small member is gone: %v, %v", got, m.Attributes)
			}
			if tc.n*tc.size > 200_000 {
				return
			}
			all := checked(t, o.Completed(Source{URI: "gs://b/o.jsonl"}, Totals{}), MaxBytes)["user_metadata"].(map[string]any)
			if len(all) != tc.n+1 {
				t.Errorf("batch.completed has %d members, want %d", len(all), tc.n+1)
			}
		})
	}
	// A line that is cut anyway names it once.
	m := of(delivery(), metadata(65, 1000)).Result(Source{}, Line{Status: "failed", Text: strings.Repeat("x", 10<<20), HasText: true})
	if diff := cmp.Diff([]string{"user_metadata", "text"}, truncated(decode(t, m, MaxResultBytes))); diff != "" {
		t.Errorf("truncated (-want +got):\n%s", diff)
	}
}
