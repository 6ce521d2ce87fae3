package handlers_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2"
	"github.com/google/go-cmp/cmp"

	"example.com/gemini-webhook/handlers"
)

// rotation answers with what it is told to, and keeps what it was asked.
type rotation struct {
	result handlers.RotationResult
	err    error
	asked  []handlers.SecretNotification
}

func (r *rotation) HandleNotification(_ context.Context, n handlers.SecretNotification) (handlers.RotationResult, error) {
	r.asked = append(r.asked, n)
	return r.result, r.err
}

// What is read of an event, which answers have it delivered again, and what the
// log says. TestRotationByNotification has the real thing.
func TestRotator(t *testing.T) {
	t.Parallel()
	published := time.Date(2026, 11, 22, 1, 2, 3, 0, time.UTC)
	tests := map[string]struct {
		data   string
		time   time.Time
		result handlers.RotationResult
		err    error
		asked  []handlers.SecretNotification
		again  bool
		log    string
	}{
		"a message": {
			data:  `{"message":{"attributes":{"eventType":"SECRET_ROTATE"},"data":"e30=","publishTime":"2026-11-22T01:02:03Z"}}`,
			asked: []handlers.SecretNotification{{Attributes: map[string]string{"eventType": "SECRET_ROTATE"}, Data: []byte("{}"), Published: published}},
			log:   `level=INFO msg="notification of Secret Manager" event_type=SECRET_ROTATE`,
		},
		"dated by the event": {
			data: `{"message":{}}`, time: published,
			asked: []handlers.SecretNotification{{Published: published}}, log: "level=INFO",
		},
		"not finished": {
			data: `{"message":{}}`, err: errors.New("Gemini is down"),
			asked: []handlers.SecretNotification{{}}, again: true, log: `error="Gemini is down"`,
		},
		"somebody has to act": {
			data: `{"message":{}}`, result: handlers.RotationResult{Attention: "create the webhook"},
			asked: []handlers.SecretNotification{{}}, log: `level=ERROR msg="not rotated: create the webhook"`,
		},
		"no message": {data: `{}`, log: "level=ERROR"},
		"no JSON":    {data: `{`, log: "level=ERROR"},
		"no base64":  {data: `{"message":{"data":"?"}}`, log: "level=ERROR"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := cloudevents.NewEvent()
			e.SetTime(test.time)
			if err := e.SetData("text/plain", []byte(test.data)); err != nil {
				t.Fatal(err)
			}
			var log bytes.Buffer
			rotation := &rotation{result: test.result, err: test.err}
			r := handlers.Rotator{Rotation: rotation, Log: slog.New(slog.NewTextHandler(&log, nil))}
			if err := r.Handle(t.Context(), e); (err != nil) != test.again {
				t.Errorf("error %v, want it delivered again: %v", err, test.again)
			}
			if diff := cmp.Diff(test.asked, rotation.asked); diff != "" {
				t.Errorf("asked (-want +got)\n%s", diff)
			}
			if !strings.Contains(log.String(), test.log) {
				t.Errorf("log %q, want %q in it", &log, test.log)
			}
		})
	}
}
