package event

import (
	"encoding/hex"
	"fmt"
	"testing"
)

func TestKeySame(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		a, b string
	}{
		{
			name: "two webhooks, and what does not belong to the identity",
			a:    `{"type":"batch.succeeded","timestamp":"1","data":{"id":"b","output_file_uri":"gs://b/o"}}`,
			b:    `{"type":"batch.succeeded","timestamp":"2","user_metadata":{"a":1},"data":{"id":"b","output_file_uri":"gs://b/o"}}`,
		},
		{
			name: "batches/ and batch_",
			a:    `{"type":"batch.failed","data":{"id":"batch_9"}}`,
			b:    `{"type":"batch.failed","data":{"id":"batches/9"}}`,
		},
		{
			name: "a batch's bare id",
			a:    `{"type":"batch.failed","data":{"id":9}}`,
			b:    `{"type":"batch.failed","data":{"id":"batches/9"}}`,
		},
		{
			name: "an id that is itself one with a prefix",
			a:    `{"type":"batch.failed","data":{"id":"batch_9"}}`,
			b:    `{"type":"batch.failed","data":{"id":"batches/batch_9"}}`,
		},
		{
			name: "and one with another prefix",
			a:    `{"type":"batch.failed","data":{"id":"batches/9"}}`,
			b:    `{"type":"batch.failed","data":{"id":"batch_batches/9"}}`,
		},
		{
			name: "batch.succeeded under its older name",
			a:    `{"type":"batch.completed","data":{"id":"9","output_file_uri":"gs://b/o"}}`,
			b:    `{"type":"batch.succeeded","data":{"id":"batch_9","outputFileUri":"gs://b/o"}}`,
		},
		{
			name: "video under its old and new names",
			a:    `{"type":"video.generated","data":{"id":"v","output_file_uri":"u"}}`,
			b:    `{"type":"video.generated","data":{"id":"v","video_uri":"u"}}`,
		},
		{
			name: "requires_action at one time",
			a:    `{"type":"interaction.requires_action","timestamp":"1","data":{"id":"i"}}`,
			b:    `{"type":"interaction.requires_action","timestamp":"1","data":{"id":"i"},"x":1}`,
		},
		{
			name: "unknown type at one time",
			a:    `{"type":"tuning.progress","timestamp":"1","data":{"id":"i"}}`,
			b:    `{"timestamp":"1","data":{"id":"i"},"type":"tuning.progress"}`,
		},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			a, b := Delivery{ID: "msg_a", Path: "/a"}, Delivery{ID: "msg_b", Path: "/b", Mode: "dynamic"}
			if ka, kb := New(a, []byte(tc.a)).Key, New(b, []byte(tc.b)).Key; ka != kb {
				t.Errorf("keys differ: %s, %s", ka, kb)
			}
		})
	}
}

// TestKeyDifferent lists events each of which is another one than all the others.
func TestKeyDifferent(t *testing.T) {
	t.Parallel()
	events := []struct{ id, body string }{
		{"m", `{"type":"batch.succeeded","data":{"id":"b","output_file_uri":"gs://b/o"}}`},
		{"m", `{"type":"batch.succeeded","data":{"id":"b","output_file_uri":"gs://b/p"}}`},
		{"m", `{"type":"batch.succeeded","data":{"id":"b"}}`},
		{"m", `{"type":"batch.succeeded","data":{"id":"bg","output_file_uri":"s://b/o"}}`},
		{"m", `{"type":"interaction.completed","data":{"id":"b"}}`},
		{"m", `{"type":"interaction.completed","data":{"id":"batch_b"}}`},
		{"m", `{"type":"interaction.completed","data":{"id":"batches/b"}}`},
		{"m", `{"type":"batch.failed","data":{"id":"b"}}`},
		{"m", `{"type":"batch.failed"}`},
		{"n", `{"type":"batch.failed"}`},
		{"m", `{"type":"interaction.requires_action","timestamp":"1","data":{"id":"i"}}`},
		{"m", `{"type":"interaction.requires_action","timestamp":"2","data":{"id":"i"}}`},
		{"m", `{"type":"interaction.requires_action","timestamp":3,"data":{"id":"i"}}`},
		{"m", `{"type":"interaction.requires_action","data":{"id":"i"}}`},
		{"n", `{"type":"interaction.requires_action","data":{"id":"i"}}`},
		{"m", `{"type":"tuning.progress","timestamp":"1","data":{"id":"i"}}`},
		{"m", `{"type":"tuning.progress","timestamp":"2","data":{"id":"i"}}`},
		{"m", `{"type":"tuning.progress","data":{"id":"i"}}`},
		{"n", `{"type":"tuning.progress","data":{"id":"i"}}`},
		{"m", `{"type":"ping"}`},
		{"n", `{"type":"ping"}`},
		{"m", `{"data":{"id":"i"}}`},
		{"n", `{"data":{"id":"i"}}`},
		{"o", `not JSON`},
		{"p", ``},
	}
	seen := map[string]string{}
	for _, e := range events {
		key := New(Delivery{ID: e.id}, []byte(e.body)).Key
		if raw, err := hex.DecodeString(key); err != nil || len(raw) != 32 {
			t.Errorf("key %q is not 64 hex digits", key)
		}
		name := fmt.Sprintf("%s %s", e.id, e.body)
		if other, ok := seen[key]; ok {
			t.Errorf("one key for two events:\n%s\n%s", other, name)
		}
		seen[key] = name
	}
}

// TestKeyStable guards the ids of events that are in queues and state while a new
// version is deployed: another key there repeats all of their outcomes.
func TestKeyStable(t *testing.T) {
	t.Parallel()
	e := New(Delivery{ID: "m"}, []byte(`{"type":"batch.succeeded","data":{"id":"batch_1","output_file_uri":"gs://b/o"}}`))
	const want = "f111ab5a21a4cc057c8c11b7539f479b6b71af2a5850aef7f34b3088ec66b50c"
	if got := e.Key; got != want {
		t.Errorf("Key() = %s, want %s", got, want)
	}
}
