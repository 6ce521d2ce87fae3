package outcome_test

import (
	"fmt"
	"time"

	"example.com/gemini-webhook/internal/event"
	"example.com/gemini-webhook/internal/outcome"
)

func ExampleFactory() {
	noon := time.Date(2026, 1, 22, 12, 0, 0, 0, time.UTC)
	factory := outcome.NewFactory("v1.2.3", func() time.Time { return noon })
	e := event.New(event.Delivery{ID: "msg_1", ReceivedAt: noon, Mode: "static"},
		[]byte(`{"type":"batch.failed","data":{"error_message":"no"},"user_metadata":{"job":42}}`))
	m := factory.For(e).Simple()
	fmt.Println(m.Attributes["type"], m.Attributes["meta_job"], len(m.ID))
	fmt.Printf("%s\n", m.Data[len(m.Data)-138:])
	// Output:
	// batch.failed 42 43
	// "published_by":"v1.2.3","error":{"message":"no"},"event":{"type":"batch.failed","data":{"error_message":"no"},"user_metadata":{"job":42}}}
}
