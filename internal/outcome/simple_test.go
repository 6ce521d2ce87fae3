package outcome

import (
	"encoding/json"
	"testing"
)

// An event's type is its outcome's, but for names that are ours.
func TestTypesOfEvents(t *testing.T) {
	t.Parallel()
	for sent, want := range map[string]string{
		"batch.expired": "batch.expired", "of.tomorrow": "of.tomorrow", "Batch.result": "Batch.result",
		"batch.result": "unrecognized", "batch.incomplete": "unrecognized", "batch.unreadable": "unrecognized", "unrecognized": "unrecognized", "": "unrecognized",
	} {
		data := checked(t, of(delivery(), `{"type":"`+sent+`","data":{"id":"1"}}`).Simple(), MaxBytes)
		if data["type"] != want || data["event_type"] != sent {
			t.Errorf("%q: type %v, event_type %v, want %s", sent, data["type"], data["event_type"], want)
		}
	}
}

// What Gemini sent is in every outcome but those of lines, as it was sent.
func TestEventIsVerbatim(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		"\t{\"type\" : \"batch.succeeded\",\n\"data\":{\"id\":1.0, \"id\":\"\\u003c\"}} \n": "{\"type\" : \"batch.succeeded\",\n\"data\":{\"id\":1.0, \"id\":\"\\u003c\"}}",
		"{\"type\":\"of.tomorrow\",\"x\":\"\xff\"}":                                         "{\"type\":\"of.tomorrow\",\"x\":\"\uFFFD\"}",
		`[1, 2.0]`: `[1, 2.0]`, `null`: `null`,
		`[1, 2.0`: ``, ``: ``,
	} {
		o := of(delivery(), body)
		for _, m := range []Message{o.Simple(), o.Completed(Source{URI: ""}, Totals{}), o.Incomplete(Error{Code: "c"}, 1, 2), o.Unreadable("", Error{Code: "c"})} {
			var data struct{ Event json.RawMessage }
			if err := json.Unmarshal(m.Data, &data); err != nil || string(data.Event) != want {
				t.Errorf("%q: the event in %s is %q, %v, want %q", body, m.Attributes["type"], data.Event, err, want)
			}
		}
		if _, ok := decode(t, o.Result(Source{}, Line{}), MaxResultBytes)["event"]; ok {
			t.Error("the event is in each line")
		}
	}
}
