package work

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"example.com/gemini-webhook/internal/localcloud/gcs"
)

const (
	interactionEvent = `{"type":"interaction.completed","data":{"id":"i1"}}`
	interactionPath  = "/v1beta/interactions/i1"
)

// resource is an interaction with a text, and something else of that many bytes.
func resource(text string, more int) string {
	return `{"id":"i1", "status":"completed","model":"m","usage":{"total_tokens":7},"steps":[{"type":"model_output","content":[{"type":"text","text":"` + text +
		`"}]},{"type":"thought","signature":"` + strings.Repeat("s", more) + `"}]}`
}

func TestInteractions(t *testing.T) {
	const kib = 1 << 10
	long := strings.Repeat("long ", 30*kib)
	calls := `{"id":"i1","status":"requires_action","steps":[{"type":"function_call","id":"c","name":"f","arguments":{"n" : 1.0}}]}`
	for name, test := range map[string]struct {
		answer, text string
		archived     bool
		truncated    string
	}{
		"a short one":               {resource("hello", 0), "hello", false, ""},
		"one that is just kept":     {resource("hello", 250*kib), "hello", false, ""},
		"one that is streamed":      {resource("hello", 300*kib), "hello", true, ""},
		"megabytes":                 {resource("hello", 20<<20), "hello", true, ""},
		"a text that is there once": {resource(long, 0), long, true, ""},
		"a text that is cut":        {resource(long+long, 0), long + long, true, "interaction.text event"},
		"tool calls":                {calls, "", false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.answers[interactionPath] = says(test.answer)
			o, err := r.do(t.Context(), interactionEvent, 1)
			must(t, err)
			i := o.Interaction
			if i == nil || !o.Confirmed || o.Reason != nil || strings.Join(o.Truncated, " ") != test.truncated {
				t.Fatalf("got %.500v", o)
			}
			if len(i.Text) < len(test.text) && test.truncated == "" || len(i.Text) < min(200*kib, len(test.text)) || !strings.HasPrefix(test.text, i.Text) {
				t.Errorf("text of %d bytes, want %d", len(i.Text), len(test.text))
			}
			if test.archived {
				r.kept(i.Archived, []byte(test.answer), "application/json")
			}
			if !test.archived && (string(i.Resource) != test.answer || i.Archived != nil) || test.archived && i.Resource != nil {
				t.Errorf("resource %.200s, archived %v", i.Resource, i.Archived)
			}
			if strings.Contains(test.answer, "usage") && (i.Usage["total_tokens"] != 7 || i.Model != "m" || i.Status != "completed") {
				t.Errorf("got %.200v", i)
			}
			if _, err := r.Do(t.Context(), delivered(interactionEvent, 2)); err != nil || r.asked("") != 1 || len(r.topic.messages) != 1 {
				t.Errorf("delivered again: asked %d times, %d messages, %v", r.asked(""), len(r.topic.messages), err)
			}
		})
	}
}

// TestInteractionsThatAreNotRead: a definite answer is published at once; an outage is
// retried, and the last attempt but one publishes without.
func TestInteractionsThatAreNotRead(t *testing.T) {
	invalidKey := func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(400)
		_, _ = w.Write([]byte(`{"error":{"details":[{"reason":"API_KEY_INVALID"}]}}`))
	}
	long := resource("hello", 9<<20)
	for name, test := range map[string]struct {
		id       string
		answer   http.HandlerFunc
		atOnce   bool
		code     string
		requests int
	}{
		"not found":             {"i1", status(404), true, "not_found", 1},
		"denied":                {"i1", status(403), true, "denied", 1},
		"a key that is wrong":   {"i1", invalidKey, true, "denied", 1},
		"no id":                 {"", says("{}"), true, "unknown_pointer", 0},
		"an id of another form": {"../files/x", says("{}"), true, "unknown_pointer", 0},
		"refused":               {"i1", status(400), false, "refused", 1},
		"too many requests":     {"i1", status(429), false, "unavailable", 1},
		"unavailable":           {"i1", status(503), false, "unavailable", 1},
		"broken off":            {"i1", breaksOff(`{"status":"completed"`), false, "unavailable", 1},
		"a long one broken off": {"i1", breaksOff(long[:len(long)-9]), false, "unavailable", 1},
		"cut":                   {"i1", says(long[:len(long)-9]), false, "unavailable", 1},
		"no object":             {"i1", says("[]"), false, "unavailable", 1},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.answers[interactionPath] = test.answer
			body := strings.Replace(interactionEvent, "i1", test.id, 1)
			o, err := r.do(t.Context(), body, lastButOne-1)
			if (err == nil) != test.atOnce {
				t.Fatalf("the attempt before: %v", err)
			}
			if err != nil {
				if o, err = r.do(t.Context(), body, lastButOne); err != nil {
					t.Fatalf("the last attempt but one: %v", err)
				}
				test.requests *= 2
			}
			if o.Interaction != nil || o.Confirmed || o.Reason == nil || o.Reason.Code != test.code || o.Reason.Message == "" || strings.Contains(o.Reason.Message, apiKey) {
				t.Errorf("got %+v, %+v", o, o.Reason)
			}
			if n := r.asked(interactionPath); n != test.requests || r.asked("") != n {
				t.Errorf("asked %d times, want %d", n, test.requests)
			}
			if left := r.storage.List(archiveBucket, ""); len(left) != 0 {
				t.Errorf("archived: %v", left[0].Name)
			}
		})
	}
}

// TestASlowInteraction: what gives no answer takes its part of the push's time, and
// leaves what it takes to publish without it.
func TestASlowInteraction(t *testing.T) {
	r := newRig(t)
	r.answers[interactionPath] = hangs
	for _, attempt := range []int{1, lastButOne} {
		published := attempt == lastButOne
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		o, err := r.do(ctx, interactionEvent, attempt)
		if published != (err == nil) || published && o.Reason.Code != "unavailable" || ctx.Err() != nil {
			t.Errorf("attempt %d: %+v, %v, %v", attempt, o.Reason, err, ctx.Err())
		}
	}
}

// TestAnInteractionThatCannotBeKept is published with what there is of it, in the end,
// and a copy of an earlier attempt is used again.
func TestAnInteractionThatCannotBeKept(t *testing.T) {
	for name, answer := range map[string]string{"held": resource(strings.Repeat("long ", 30<<10), 0), "streamed": resource("hello", 9<<20)} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.answers[interactionPath] = says(answer)
			down := func(kind gcs.Kind, status int) {
				r.storage.Fail(func(op gcs.Op) *gcs.Fault {
					if op.Kind == kind {
						return &gcs.Fault{Status: status}
					}
					return nil
				})
			}
			down(gcs.OpInsert, 403)
			if _, err := r.do(t.Context(), interactionEvent, 1); err == nil {
				t.Fatal("published without a copy")
			}
			if name == "streamed" {
				o, err := r.do(t.Context(), interactionEvent, lastButOne)
				if err != nil || o.Interaction != nil || o.Reason == nil {
					t.Errorf("the last attempt but one: %+v, %v", o, err)
				}
				return
			}
			r.storage.Fail(nil)
			r.topic.err = context.DeadlineExceeded
			if _, err := r.do(t.Context(), interactionEvent, 2); err == nil {
				t.Fatal("published, though Pub/Sub is down")
			}
			r.topic.err = nil
			down(gcs.OpInsert, 500)
			o, err := r.do(t.Context(), interactionEvent, 3)
			must(t, err)
			r.kept(o.Interaction.Archived, []byte(answer), "application/json")
		})
	}
	r := newRig(t)
	r.answers[interactionPath] = says(resource(strings.Repeat("long ", 30<<10), 0))
	r.storage.Fail(func(op gcs.Op) *gcs.Fault { return &gcs.Fault{Status: 403} })
	o, err := r.do(t.Context(), interactionEvent, lastButOne)
	must(t, err)
	if o.Interaction == nil || o.Interaction.Resource != nil || o.Interaction.Archived != nil || o.Reason == nil || !o.Confirmed {
		t.Errorf("got %+v", o)
	}
}
