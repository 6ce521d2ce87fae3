package outcome

import "testing"

// An event's type is its outcome's, but for names that are ours.
func TestTypesOfEvents(t *testing.T) {
	t.Parallel()
	for sent, want := range map[string]string{
		"batch.expired": "batch.expired", "video.generated": "video.generated", "of.tomorrow": "of.tomorrow", "Batch.result": "Batch.result",
		"batch.result": "unrecognized", "batch.incomplete": "unrecognized", "batch.unreadable": "unrecognized", "unrecognized": "unrecognized", "": "unrecognized",
	} {
		data := checked(t, of(delivery(), `{"type":"`+sent+`","data":{"id":"1"}}`).Simple(), MaxBytes)
		if data["type"] != want || data["event_type"] != sent {
			t.Errorf("%q: type %v, event_type %v, want %s", sent, data["type"], data["event_type"], want)
		}
	}
}
