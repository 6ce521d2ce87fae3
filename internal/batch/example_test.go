package batch_test

import (
	"fmt"

	"example.com/gemini-webhook/internal/batch"
)

// The queued form of a range is the same in every version of a format: tasks that
// are in the queue while another version is deployed are read by it.
func ExampleRange() {
	queued := batch.Range{Key: "0a1b", Object: 2, Interval: batch.Interval{Start: 8, End: 16}, Event: []byte("the event")}.Encode()
	fmt.Printf("%s\n", queued)
	r, err := batch.DecodeRange(queued)
	fmt.Println(r.Object, r.Start, r.End, err)
	// Output:
	// {"format":1,"key":"0a1b","object":2,"range":{"start":8,"end":16},"event":"dGhlIGV2ZW50"}
	// 2 8 16 <nil>
}
