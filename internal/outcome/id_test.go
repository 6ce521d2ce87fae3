package outcome

import (
	"regexp"
	"testing"

	"example.com/gemini-webhook/internal/event"
)

// TestIDSame: an id follows from the work alone, not from who brought it, when,
// or what was found.
func TestIDSame(t *testing.T) {
	t.Parallel()
	other := event.Delivery{ID: "msg_2", Mode: "dynamic", Scheme: "rs256", Origin: "path_token", Path: "/dynamic/x"}
	a := of(delivery(), batchBody)
	b := of(other, `{"type":"batch.succeeded","data":{"id":"batches/1","output_file_uri":"gs://b/o.jsonl"}}`)
	place := Source{URI: "gs://b/o.jsonl", Generation: "7", Offset: 99, Length: 5}
	tests := []struct {
		name string
		a, b Message
	}{
		{"result", a.Result(place, Line{Status: "failed"}), b.Result(Source{URI: "gs://b/o.jsonl", Generation: "7", Offset: 99}, Line{Key: "k", HasKey: true, Status: "succeeded"})},
		{"result of a copy", a.Result(Source{URI: "gs://archive/k", Generation: "1", Offset: 9, Origin: "files/abc"}, Line{}), b.Result(Source{URI: "files/abc", Offset: 9}, Line{})},
		{"completed", a.Completed(Source{URI: "gs://b/o.jsonl"}, Totals{}), b.Completed(Source{URI: "gs://b/o.jsonl"}, Totals{Counts: Counts{Total: 1}})},
		{"incomplete", a.Incomplete(Error{Code: "x"}, 1, 2), b.Incomplete(Error{Code: "y"}, 2, 1)},
		{"unreadable", a.Unreadable("u", Error{Code: "no_api_key"}), b.Unreadable("u", Error{Code: "no_results"})},
		{"simple", of(delivery(), `{"type":"batch.failed","data":{"id":"batch_1"}}`).Simple(), of(other, `{"type":"batch.failed","data":{"id":"batches/1","error_code":1}}`).Simple()},
	}
	for _, tc := range tests {
		if tc.a.ID != tc.b.ID {
			t.Errorf("%s: ids differ: %s, %s", tc.name, tc.a.ID, tc.b.ID)
		}
	}
}

func TestIDDifferent(t *testing.T) {
	t.Parallel()
	o := of(delivery(), batchBody)
	at := func(uri, generation string, offset int64) Message {
		return o.Result(Source{URI: uri, Generation: generation, Offset: offset}, Line{})
	}
	seen := map[string]int{}
	form := regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
	for i, m := range []Message{
		at("gs://b/o", "1", 0),
		at("gs://b/o", "1", 1),
		at("gs://b/o", "1", 1<<32),
		at("gs://b/o", "2", 0),
		at("gs://b/p", "1", 0),
		at("gs://b/o1", "", 0),
		at("gs://b/", "o1", 0),
		o.Completed(Source{URI: "gs://b/o"}, Totals{}),
		o.Unreadable("gs://b/o", Error{}),
		o.Incomplete(Error{}, 0, 0),
		of(delivery(), `{"type":"batch.succeeded","data":{"id":"batch_2","output_file_uri":"gs://b/o.jsonl"}}`).Completed(Source{URI: "gs://b/o"}, Totals{}),
		of(delivery(), `{"type":"batch.result","timestamp":"t","data":{"id":"batch_1","output_file_uri":"gs://b/o.jsonl"}}`).Simple(),
		of(delivery(), `{"type":"unrecognized"}`).Simple(),
		of(delivery(), `{}`).Simple(),
	} {
		if !form.MatchString(m.ID) {
			t.Errorf("id %q", m.ID)
		}
		if j, ok := seen[m.ID]; ok {
			t.Errorf("messages %d and %d have one id", j, i)
		}
		seen[m.ID] = i
	}
}

// TestIDStable guards ids that consumers have stored: another one there makes
// every redelivery look like new work.
func TestIDStable(t *testing.T) {
	t.Parallel()
	m := of(delivery(), batchBody).Result(Source{URI: "gs://b/o.jsonl", Generation: "7", Offset: 99}, Line{})
	const want = "eBnNubuaDmzI_RB0EOfYpyM9RBKH9N8I5zNf-YFOirg"
	if m.ID != want {
		t.Errorf("id = %s, want %s", m.ID, want)
	}
}
