package outcomes_test

import (
	"errors"
	"fmt"

	"example.com/gemini-webhook/outcomes"
)

// members are those that every outcome has.
const members = `"schema_version":1,"published_at":"2026-01-22T12:00:01Z","event_id":"msg_1",` +
	`"event_type":"batch.succeeded","event_time":"2026-01-22T12:00:00Z","received_at":"2026-01-22T12:00:00Z",` +
	`"resource_id":"batches/1","mode":"static","scheme":"hmac-sha256","origin":"signing_secret","path":"/gemini",` +
	`"user_metadata":{"team":"search"},"published_by":"0.2.0"`

// What Pub/Sub may deliver of a batch of two lines: batch.completed comes first, one line
// comes twice, and one message is no outcome.
var delivered = []string{
	`{"type":"batch.completed","outcome_id":"c",` + members + `,"source":{"uri":"gs://b/o.jsonl"},` +
		`"results":{"total":2,"succeeded":1,"failed":1,"invalid":0,"error_codes":{"429":1}},"usage":{"prompt_tokens":8,` +
		`"candidates_tokens":1,"thoughts_tokens":0,"cached_tokens":0,"tool_use_tokens":0,"total_tokens":9,"lines":1},"bytes":512,"retrying":true}`,
	`{"type":"batch.result","outcome_id":"r1",` + members + `,"source":{"uri":"gs://b/o.jsonl","generation":"1","offset":0,"length":256},` +
		`"key":"row-1","status":"succeeded","text":"4","finish_reason":"STOP","usage":{"prompt_tokens":8,"candidates_tokens":1,"total_tokens":9}}`,
	`{"type":"batch.result","outcome_id":"r1",` + members + `,"source":{"uri":"gs://b/o.jsonl","generation":"1","offset":0,"length":256},` +
		`"key":"row-1","status":"succeeded","text":"4","finish_reason":"STOP","usage":{"prompt_tokens":8,"candidates_tokens":1,"total_tokens":9}}`,
	`{"type":"batch.result"}`,
	`{"type":"batch.result","outcome_id":"r2",` + members + `,"source":{"uri":"gs://b/o.jsonl","generation":"1","offset":257,"length":255},` +
		`"key":"row-2","status":"failed","error":{"code":"429","message":"quota","status":"RESOURCE_EXHAUSTED"}}`,
}

func ExampleDecode() {
	for _, data := range delivered {
		o, err := outcomes.Decode([]byte(data))
		if errors.Is(err, outcomes.ErrMalformed) {
			fmt.Println("passed over:", err)
			continue
		}
		if err != nil {
			panic(err) // ErrVersion: this program has to be a newer one
		}
		switch o := o.(type) {
		case *outcomes.BatchResult:
			switch o.Status {
			case outcomes.Succeeded:
				fmt.Printf("%s: %s\n", *o.Key, *o.Text)
			default:
				fmt.Printf("%s: %s %s\n", *o.Key, o.Status, o.Error.Code)
			}
		case *outcomes.BatchCompleted:
			fmt.Printf("%s has %d lines, %d tokens\n", o.ResourceID, o.Results.Total, o.Usage.TotalTokens)
		default:
			fmt.Println("something else:", o.Base().Type)
		}
	}
	// Output:
	// batches/1 has 2 lines, 9 tokens
	// row-1: 4
	// row-1: 4
	// passed over: outcomes: not an outcome of the receiver: no schema_version of 1
	// row-2: failed 429
}

// Is the batch complete?
func ExampleProgress() {
	var progress outcomes.Progress
	for _, data := range delivered {
		o, err := outcomes.Decode([]byte(data))
		if err != nil {
			continue
		}
		first, completes := progress.Add(o)
		batch := progress.Batch(o)
		fmt.Printf("%-3s first: %-5t lines: %d\n", o.Base().OutcomeID, first, batch.Results)
		if completes {
			fmt.Printf("%s is complete: %d succeeded, %d failed; final: %t\n",
				o.Base().ResourceID, batch.Succeeded, batch.Failed, batch.Completed.Final())
			progress.Forget(o)
		}
	}
	// Output:
	// c   first: true  lines: 0
	// r1  first: true  lines: 1
	// r1  first: false lines: 1
	// r2  first: true  lines: 2
	// batches/1 is complete: 1 succeeded, 1 failed; final: false
}

func ExampleReadAttributes() {
	a, err := outcomes.ReadAttributes(map[string]string{
		"type": "batch.completed", "outcome_id": "c", "event_id": "msg_1", "event_type": "batch.succeeded",
		"resource_id": "batches/1", "mode": "static", "scheme": "hmac-sha256", "origin": "signing_secret", "path": "/gemini",
		"confirmed": "true", "display_name": "nightly", "meta_team": "search",
	})
	if err != nil {
		panic(err)
	}
	fmt.Println(a.DisplayName, a.Confirmed, a.Metadata["team"])
	// Output: nightly true search
}
