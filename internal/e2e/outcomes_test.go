package e2e

import (
	"encoding/json"
	"sync"
	"testing"

	"example.com/gemini-webhook/internal/localcloud"
	"example.com/gemini-webhook/internal/localcloud/push"
	"example.com/gemini-webhook/internal/outcome/schematest"
	"example.com/gemini-webhook/outcomes"
)

// outcome is a published message, as a consumer reads it.
type outcome struct {
	Type       string
	ID         string `json:"outcome_id"`
	EventID    string `json:"event_id"`
	EventType  string `json:"event_type"`
	ResourceID string `json:"resource_id"`
	Source     struct {
		URI, Generation, Encoding, Origin string
		Offset, Length                    int64
	}
	Key        *string
	Index      *int
	Status     string
	Reason     string `json:"finish_reason"`
	Response   json.RawMessage
	Error      struct{ Code, Message, Status string }
	Results    totals
	Ranges     struct{ Done, Missing int }
	Bytes      int64
	Attributes map[string]string `json:"-"`
	raw        []byte
}

type totals struct{ Total, Succeeded, Failed, Invalid int }

// seen collects what is published and what becomes of queued work.
type seen struct {
	mu       sync.Mutex
	topics   map[string][]outcome
	attempts []push.Attempt
	finished map[string]bool // messages of the queue: acknowledged, or dead letters
}

func (s *seen) attempt(a push.Attempt) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.attempts = append(s.attempts, a)
	if a.Acked || a.DeadLettered {
		s.finished[a.MessageID] = true
	}
}

func (s *seen) message(topic string) func([]byte, map[string]string) {
	return func(data []byte, attributes map[string]string) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.topics[topic] = append(s.topics[topic], outcome{raw: data, Attributes: attributes})
	}
}

func (s *seen) count(topic string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.topics[topic])
}

// idle reports whether nothing is queued or under way.
func (s *seen) idle() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.finished) >= len(s.topics[localcloud.QueueTopic])
}

func (s *seen) pushes() []push.Attempt {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]push.Attempt(nil), s.attempts...)
}

// outcomes gives the messages of a topic in order, each checked against its
// schema.
func (s *seen) outcomes(t *testing.T, topic string) []outcome {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.topics[topic]
	for i := range all {
		if all[i].ID == "" { // not looked at before
			all[i].check(t)
		}
	}
	return append([]outcome(nil), all...)
}

// check decodes a message and compares it with its schema.
func (o *outcome) check(t *testing.T) {
	t.Helper()
	if err := schematest.Check(o.raw); err != nil {
		t.Errorf("%s\n%v", o.raw, err)
	}
	if err := schematest.CheckAttributes(o.Attributes); err != nil {
		t.Errorf("%v\n%v", o.Attributes, err)
	}
	read, err := outcomes.Decode(o.raw)
	must(t, err)
	again, err := json.Marshal(read)
	must(t, err)
	if timeless(t, again) != timeless(t, o.raw) {
		t.Errorf("package outcomes loses something of %s, it has %s", o.raw, again)
	}
	must(t, json.Unmarshal(o.raw, o))
	for name, want := range map[string]string{
		"type": o.Type, "outcome_id": o.ID, "event_id": o.EventID, "event_type": o.EventType, "resource_id": o.ResourceID,
	} {
		if got, ok := o.Attributes[name]; !ok || got != want {
			t.Errorf("attribute %s is %q, the data says %q", name, got, want)
		}
	}
}

// results gives batch.result by id. A repeat must be equal but for its time.
func (s *seen) results(t *testing.T) (byID map[string]outcome, repeats int) {
	t.Helper()
	byID = make(map[string]outcome)
	for _, o := range s.outcomes(t, localcloud.ResultsTopic) {
		if before, again := byID[o.ID]; again {
			repeats++
			if a, b := timeless(t, before.raw), timeless(t, o.raw); a != b {
				t.Errorf("one id, two outcomes:\n%s\n%s", a, b)
			}
		}
		byID[o.ID] = o
	}
	return byID, repeats
}

func timeless(t *testing.T, raw []byte) string {
	t.Helper()
	var fields map[string]any
	must(t, json.Unmarshal(raw, &fields))
	delete(fields, "published_at")
	text, err := json.Marshal(fields)
	must(t, err)
	return string(text)
}

// ofType gives the outcomes of events of one type by id.
func (s *seen) ofType(t *testing.T, kind string) map[string]outcome {
	t.Helper()
	byID := make(map[string]outcome)
	for _, o := range s.outcomes(t, localcloud.OutcomesTopic) {
		if o.Type == kind {
			byID[o.ID] = o
		}
	}
	return byID
}

// has reports, by the attributes alone, whether an outcome of that type
// was published.
func (s *seen) has(kind string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range s.topics[localcloud.OutcomesTopic] {
		if o.Attributes["type"] == kind {
			return true
		}
	}
	return false
}

// all is every message of every topic, as it was published.
func (s *seen) all() map[string][]outcome {
	s.mu.Lock()
	defer s.mu.Unlock()
	copied := make(map[string][]outcome, len(s.topics))
	for topic, messages := range s.topics {
		copied[topic] = append([]outcome(nil), messages...)
	}
	return copied
}
