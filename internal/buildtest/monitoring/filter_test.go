package monitoring

import "testing"

// TestTheFilterLanguage: what is evaluated is what Cloud Logging says that it means.
func TestTheFilterLanguage(t *testing.T) {
	t.Parallel()
	e := Entry{
		"severity": "ERROR", "textPayload": "a (b) c", "logName": "projects/p/logs/run.googleapis.com%2Frequests",
		"jsonPayload": map[string]any{"n": 3.0, "yes": true, "text": "Word", "none": nil}, "httpRequest": map[string]any{"latency": "2.5s", "status": 200.0},
	}
	for filter, want := range map[string]bool{
		`severity>=WARNING`: true, `severity>ERROR`: false, `severity="ERROR"`: true,
		`log_id("run.googleapis.com/requests")`: true, `log_id("requests")`: false,
		`jsonPayload.n=3 AND jsonPayload.n>=3 AND NOT jsonPayload.n<3`: true,
		`jsonPayload.yes="true"`: true, `jsonPayload.text="word"`: true, `jsonPayload.text=~"word"`: false, `jsonPayload.text=~"^W"`: true,
		`jsonPayload.text=("other" OR "word")`: true, `jsonPayload.text=("other")`: false, `jsonPayload.absent=("" OR "x")`: false,
		`jsonPayload.none:*`: false, `jsonPayload.absent:*`: false, `NOT jsonPayload.absent="x"`: true, `jsonPayload.text:*`: true,
		`httpRequest.latency<="2.5s"`: true, `httpRequest.latency<"300ms"`: false, `(severity=INFO OR httpRequest.status>=200) AND textPayload=~"[(]b"`: true,
	} {
		if got := Filter(t, filter)(e); got != want {
			t.Errorf("%s: %v", filter, got)
		}
	}
}
