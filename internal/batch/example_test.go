package batch_test

import (
	"fmt"

	"example.com/gemini-webhook/internal/batch"
)

// The queued form of a range is the same in every version of a format: tasks that
// are in the queue while another version is deployed are read by it. Those of the
// former format carried the event, and knew no plan.
func ExampleRange() {
	part := batch.Range{Key: "0a1b", Plan: "2c3d", Object: 2, Interval: batch.Interval{Start: 8, End: 16}}
	fmt.Printf("%s\n", part.Encode())
	part.Keeper, part.Event = &batch.Keeper{Missing: 3}, []byte("the event")
	fmt.Printf("%s\n", part.Encode())
	r, err := batch.DecodeRange([]byte(`{"format":1,"key":"0a1b","object":2,"range":{"start":8,"end":16},"event":"dGhlIGV2ZW50"}`))
	fmt.Println(r.Object, r.Start, r.End, string(r.Event), err)
	// Output:
	// {"format":2,"key":"0a1b","plan":"2c3d","object":2,"range":{"start":8,"end":16}}
	// {"format":2,"key":"0a1b","plan":"2c3d","object":2,"range":{"start":8,"end":16},"keeper":{"missing":3}}
	// the event
	// 2 8 16 the event <nil>
}
