package handlers

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
)

// SecretNotification is a message that Secret Manager published on the topic of
// a secret.
type SecretNotification struct {
	Attributes map[string]string
	Data       []byte    // JSON of the secret or of a version, without its payload
	Published  time.Time // zero where it is not known
}

// RotationResult is what a notification led to. It has no secret.
type RotationResult struct {
	Action             string // as the rotation names it
	Secret, WebhookID  string // empty where there is none
	Versions, Disabled []int64
	// Attention: somebody has to do something, and delivering the notification
	// again is not it. What says what.
	Attention string
}

// Rotation answers notifications. It is idempotent; an error means that the
// notification shall be delivered again.
type Rotation interface {
	HandleNotification(context.Context, SecretNotification) (RotationResult, error)
}

// Rotator is the function RotateSigningSecret.
type Rotator struct {
	Rotation Rotation
	Log      *slog.Logger
}

// errAgain is all that the caller is told: the log has the reason.
var errAgain = errors.New("not finished; deliver it again")

// Handle answers one CloudEvent of Pub/Sub
// (google.cloud.pubsub.topic.v1.messagePublished). It returns an error only where
// a later delivery may fare better: Eventarc then delivers again.
func (r *Rotator) Handle(ctx context.Context, e event.Event) error {
	n, err := notification(e)
	if err != nil { // it will be no better the next time
		r.Log.ErrorContext(ctx, "not a message of Pub/Sub, ignored; check what triggers this function", "error", err.Error())
		return nil
	}
	result, err := r.Rotation.HandleNotification(ctx, n)
	attributes := []any{
		"event_type", n.Attributes["eventType"], "action", result.Action, "secret", result.Secret,
		"webhook", result.WebhookID, "versions", result.Versions, "disabled", result.Disabled,
	}
	switch {
	case err != nil:
		r.Log.ErrorContext(ctx, "rotation not finished, the notification will be delivered again", append(attributes, "error", err.Error())...)
		return errAgain
	case result.Attention != "":
		r.Log.ErrorContext(ctx, "not rotated: "+result.Attention, attributes...)
	default:
		r.Log.InfoContext(ctx, "notification of Secret Manager", attributes...)
	}
	return nil
}

// notification reads the Pub/Sub message in an event. The framework makes the
// same form of raw push requests.
func notification(e event.Event) (SecretNotification, error) {
	var data struct {
		Message *struct {
			Attributes  map[string]string `json:"attributes"`
			Data        []byte            `json:"data"`
			PublishTime time.Time         `json:"publishTime"`
		} `json:"message"`
	}
	if err := json.Unmarshal(e.Data(), &data); err != nil {
		return SecretNotification{}, errors.New("the data is no JSON of the expected form")
	}
	if data.Message == nil {
		return SecretNotification{}, errors.New("the data has no message")
	}
	n := SecretNotification{Attributes: data.Message.Attributes, Data: data.Message.Data, Published: data.Message.PublishTime}
	if n.Published.IsZero() {
		n.Published = e.Time() // Eventarc's is that of publishing
	}
	return n, nil
}
