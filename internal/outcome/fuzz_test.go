package outcome

import (
	"encoding/json"
	"testing"

	"example.com/gemini-webhook/internal/event"
)

// fuzzLimit stands in for MaxResultBytes: messages of 9 MiB would leave time for a
// few dozen inputs only.
const fuzzLimit = 64 << 10

// lengthen doubles s up to that many times, to about 1<<18 bytes.
func lengthen(s string, times uint8) string {
	for range times % 20 {
		if len(s) >= 1<<18 {
			break
		}
		s += s
	}
	return s
}

// FuzzResult puts any strings into a result. times makes them long enough for the
// limit.
func FuzzResult(f *testing.F) {
	f.Add("gs://b/o", "key", "text", "STOP", "13", "message", []byte(`{"a":1}`), int64(5), uint8(0))
	f.Add("", "", "", "", "", "", []byte(nil), int64(-1), uint8(0))
	f.Add("\xff", "\x00", "\"\\", "\u2028", "\ufffd", "é", []byte("\"\xff\""), int64(0), uint8(13))
	f.Add("u", "\x01", "long text", "f", "c", "m", []byte(`[]`), int64(0), uint8(17))
	f.Fuzz(func(t *testing.T, uri, key, text, reason, code, message string, response []byte, n int64, times uint8) {
		if !json.Valid(response) {
			response = nil
		}
		text, key = lengthen(text, times), lengthen(key, times)
		o := of(delivery(), batchBody)
		whole := o.Result(Source{URI: uri, Generation: code, Offset: n, Length: n}, Line{
			Key: key, HasKey: true,
			Status: "failed",
			Text:   text, HasText: true,
			FinishReason: reason,
			ModelVersion: reason,
			Usage:        usage(map[string]int64{"prompt_tokens": n, "total_tokens": n}),
			Error:        &Error{Code: code, Message: lengthen(message, times), Status: reason},
			Response:     response,
			Request:      response,
		})
		data := decode(t, whole, MaxResultBytes)
		if len(truncated(data)) > 0 || data["response_omitted"] != nil {
			t.Error("something is missing from a message that fits")
		}
		if data["text"] != string([]rune(text)) || data["key"] != string([]rune(key)) {
			t.Errorf("text %q, key %q became %q, %q", text, key, data["text"], data["key"])
		}

		small := o.message(TypeBatchResult, whole.ID, whole.Attributes, fuzzLimit, &resultBody{source: Source{URI: lengthen(uri, times)}, Line: Line{
			Key: key, HasKey: true,
			Status: "failed",
			Text:   text, HasText: true,
			FinishReason: lengthen(reason, times),
			Error:        &Error{Code: lengthen(code, times), Message: message},
			Response:     response,
			Request:      response,
		}})
		data = decode(t, small, fuzzLimit)
		_, omitted := data["response_omitted"]
		_, present := data["response"]
		if len(response) > 0 && omitted == present {
			t.Errorf("response_omitted %t, response %t", omitted, present)
		}
	})
}

// FuzzSimple makes the outcomes of any body, with any padding in the members that
// can be long.
func FuzzSimple(f *testing.F) {
	for i, body := range []string{
		`{"type":"batch.failed","timestamp":"t","data":{"id":"b","error_code":1,"error_message":"m"},"user_metadata":{"a":"b","c":1}}`,
		`{"type":"video.generated","data":{"video_uri":"u","file_id":"f"}}`,
		`{"type":"x","data":"` + "\xff" + `"}`,
		`{"type":"x","user_metadata":{"a":{"b":[]},"":true,"` + "\xff" + `":null}}`,
		`[1]`, ``, "\x00", `"`, ` {} `,
	} {
		f.Add(body, "padding", uint8(0))
		f.Add(body, "\xff\"", uint8(18+20*i))
	}
	f.Fuzz(func(t *testing.T, body, padding string, times uint8) {
		padding = lengthen(padding, times)
		quoted := string(appendString(nil, padding))
		bodies := []string{
			body + padding,
			`{"type":"batch.expired","data":{"id":` + quoted + `},"user_metadata":{` + quoted + `:1}}`,
			`{"type":"batch.failed","timestamp":` + quoted + `,"data":{"error_message":` + quoted + `,"error":{"status":` + quoted + `}}}`,
			`{"type":"x","user_metadata":{"a":` + quoted + `}}`,
		}
		d := delivery()
		decode(t, of(d, body).Simple(), MaxBytes)
		d.Path, d.Traceparent = padding, padding
		o := known(d, bodies[int(times/20)%len(bodies)], &Batch{Name: padding, DisplayName: padding, Model: padding, Created: padding, Ended: padding, State: padding})
		decode(t, o.Simple(), MaxBytes)
		decode(t, o.Unreadable(padding, Error{Code: "no_api_key", Message: padding}), MaxBytes)
		decode(t, o.Incomplete(Error{Code: padding}, 1, 2), MaxBytes)
		said := []byte(`{"x":` + quoted + `}`)
		m, _ := o.Interaction(&Interaction{Model: "m", Text: padding, Usage: said, Labels: said, Resource: said}, &Error{Code: "c", Message: padding})
		decode(t, m, MaxBytes)
		decode(t, o.Videos([]Video{{Video: event.Video{URI: padding, File: padding}}, {Error: &Error{Message: padding}}}, true), MaxBytes)
		decode(t, o.Completed(Source{URI: padding}, Totals{Counts: Counts{Total: 1}}), MaxBytes)
	})
}
