package event_test

import (
	"fmt"
	"time"

	"example.com/gemini-webhook/internal/event"
)

// What the public door queues, and the worker reads. The same event delivered by
// another webhook has the same key.
func ExampleDecode() {
	body := []byte(`{"type":"batch.succeeded","data":{"id":"batch_1","output_file_uri":"gs://b/o.jsonl"}}`)
	for _, id := range []string{"msg_1", "msg_2"} {
		queued := event.Encode(event.Delivery{ID: id, ReceivedAt: time.Unix(0, 0), Mode: "static"}, body)
		e, err := event.Decode(queued)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(e.ID, e.Type, e.ResourceID, e.Pointer, e.Key[:8])
	}
	// Output:
	// msg_1 batch.succeeded batch_1 gs://b/o.jsonl 8762f51f
	// msg_2 batch.succeeded batch_1 gs://b/o.jsonl 8762f51f
}
