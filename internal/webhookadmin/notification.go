package webhookadmin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"example.com/gemini-webhook/internal/secret"
)

const (
	eventRotate = "SECRET_ROTATE" // the attribute eventType of a notification that a rotation is due
	// maxPerHour is how many keys may have been stored in the last hour for
	// another one to be made. Secret Manager's shortest rotation_period is an
	// hour; people who try things out are faster, and a flood is much faster.
	maxPerHour = 6
	// undatedInterval is how long the last rotation is ago before a notification
	// that does not say when it was published makes another one.
	undatedInterval = 30 * time.Minute
)

// Notification is a message that Secret Manager published on a secret's topic.
type Notification struct {
	Attributes map[string]string
	Data       []byte    // JSON of the Secret
	Published  time.Time // publishTime of the message; zero where it is not known
}

// Action is what a notification led to.
type Action string

const (
	// ActionIgnored: not a due rotation of one of our secrets; acknowledge it.
	ActionIgnored Action = "ignored"
	// ActionCurrent: there is a newer key than the notification asks for;
	// acknowledge it.
	ActionCurrent Action = "current"
	// ActionRotated: a new key is stored; acknowledge it.
	ActionRotated Action = "rotated"
	// ActionLimited: more keys were stored in the last hour than any schedule
	// makes; acknowledge it, and find out who publishes.
	ActionLimited Action = "limited"
	// ActionNoWebhook: the secret names no webhook, or one that is gone;
	// acknowledge it, for delivering it again changes nothing. The next period
	// sends another one.
	ActionNoWebhook Action = "no_webhook"
	// ActionFailed: something failed; it is delivered again.
	ActionFailed Action = "failed"
)

// Attention is what people have to do about an action, or empty.
func (a Action) Attention() string {
	switch a {
	case ActionLimited:
		return "too many keys were stored in the last hour; find out who publishes on the secret's topic"
	case ActionNoWebhook:
		return ErrNoWebhook.Error()
	}
	return ""
}

// Result is what a notification led to. It has no secret.
type Result struct {
	Action    Action
	Secret    secret.Name // as configured, or as the notification names it; empty where it is none of ours
	WebhookID string      // where it was rotated
	Versions  []int64     // stored, the newest last
	Disabled  []int64     // whose overlap is over
}

// Rotation answers Secret Manager's notifications: the function
// RotateSigningSecret.
type Rotation struct {
	Admin *Admin
	// Secrets are the signing secrets of ours. Empty: any secret that names a
	// webhook, for IAM decides which can be read.
	Secrets []secret.Name
	// Overlap is how long a receiver accepts a version after the next one was
	// created (SIGNING_SECRET_OVERLAP). Versions are disabled after it.
	Overlap time.Duration
	Log     *slog.Logger // gets no secret
}

// errAgain is all that the caller of Handle is told: the log has the reason.
var errAgain = errors.New("not finished; deliver it again")

// Handle answers a message of Pub/Sub in the form that Eventarc gives it,
// {"message": {...}}, and writes one log line. Published is when it was published
// as far as its envelope says. It returns an error only where a later delivery
// may fare better.
func (r Rotation) Handle(ctx context.Context, data []byte, published time.Time) error {
	n, err := readNotification(data, published)
	if err != nil { // it will be no better the next time
		r.Log.ErrorContext(ctx, "not a message of Pub/Sub, ignored; check what triggers this function", "error", err.Error())
		return nil
	}
	result, err := r.HandleNotification(ctx, n)
	if err != nil {
		result.Action = ActionFailed
	}
	attributes := []any{
		"event_type", n.Attributes["eventType"], "action", result.Action, "secret", result.Secret,
		"webhook", result.WebhookID, "versions", result.Versions, "disabled", result.Disabled,
	}
	switch attention := result.Action.Attention(); {
	case err != nil:
		r.Log.ErrorContext(ctx, "rotation not finished, the notification will be delivered again", append(attributes, "error", err.Error())...)
		return errAgain
	case attention != "":
		r.Log.ErrorContext(ctx, "not rotated: "+attention, attributes...)
	default:
		r.Log.InfoContext(ctx, "notification of Secret Manager", attributes...)
	}
	return nil
}

// readNotification reads a message. Where it does not say when it was published,
// its envelope does.
func readNotification(data []byte, published time.Time) (Notification, error) {
	var envelope struct {
		Message *struct {
			Attributes  map[string]string `json:"attributes"`
			Data        []byte            `json:"data"`
			PublishTime time.Time         `json:"publishTime"`
		} `json:"message"`
	}
	if err := json.Unmarshal(data, &envelope); err != nil {
		return Notification{}, errors.New("the data is no JSON of the expected form")
	}
	m := envelope.Message
	if m == nil {
		return Notification{}, errors.New("the data has no message")
	}
	if m.PublishTime.IsZero() {
		m.PublishTime = published
	}
	return Notification{Attributes: m.Attributes, Data: m.Data, Published: m.PublishTime}, nil
}

// HandleNotification rotates the signing secret of the webhook that the secret
// names, with the overlap of 24 h, where a SECRET_ROTATE of one of our secrets
// says that it is due, and disables the versions whose overlap is over. It is
// idempotent: a notification that is repeated, or late, finds a key that was
// stored after it was published, and of several at once one rotates. What an
// interrupted run left is healed first. An error means that the notification
// shall be delivered again.
func (r Rotation) HandleNotification(ctx context.Context, n Notification) (Result, error) {
	if n.Attributes["eventType"] != eventRotate {
		return Result{Action: ActionIgnored}, nil
	}
	name, err := r.ours(ctx, n)
	if name == "" || err != nil {
		return Result{Action: ActionIgnored}, err
	}
	result := Result{Action: ActionRotated, Secret: name}
	rotated, skipped, err := r.Admin.rotate(ctx, name, false, func(st state) (bool, error) {
		action, err := r.due(ctx, st, n.Published)
		if action != ActionRotated {
			result.Action = action
		}
		return action != ActionRotated, err
	})
	if errors.Is(err, ErrNoWebhook) {
		result.Action = ActionNoWebhook
		return result, nil
	}
	if err != nil {
		return result, err
	}
	if !skipped {
		result.Action, result.WebhookID, result.Versions = ActionRotated, rotated.WebhookID, rotated.Versions
	}
	result.Disabled, err = r.Admin.Retire(ctx, name, r.Overlap)
	if err != nil {
		return result, fmt.Errorf("the signing secret is up to date, but versions whose overlap is over are not all disabled: %w", err)
	}
	return result, nil
}

// due says whether to rotate. The annotation counts beside the list of versions,
// which may lag.
func (r Rotation) due(ctx context.Context, st state, published time.Time) (Action, error) {
	newest, lastHour, now := st.rotated, 0, r.Admin.now()
	versions, err := r.Admin.secrets.Versions(ctx, st.secret)
	if err != nil {
		return "", err
	}
	for _, v := range versions {
		if v.Created.After(newest) {
			newest = v.Created
		}
		if now.Sub(v.Created) < time.Hour {
			lastHour++
		}
	}
	switch {
	case published.IsZero() && now.Sub(st.rotated) < undatedInterval, newest.After(published) && !published.IsZero():
		return ActionCurrent, nil
	case lastHour >= maxPerHour:
		return ActionLimited, nil
	}
	return ActionRotated, nil
}

// ours is the configured secret that a notification is about, or empty. Google
// names the project by its number. Where none is configured, any secret is ours
// that can be read.
func (r Rotation) ours(ctx context.Context, n Notification) (secret.Name, error) {
	name, err := secret.ParseName(n.secret())
	if err != nil {
		return "", nil
	}
	if len(r.Secrets) == 0 {
		_, err := r.Admin.secrets.Get(ctx, name)
		if secret.Definite(err) {
			return "", nil
		}
		return name, err
	}
	for _, own := range r.Secrets {
		if own == name {
			return own, nil
		}
		if !own.MayBe(name) {
			continue
		}
		ours, err := r.Admin.secrets.Get(ctx, own)
		if err != nil {
			return "", err
		}
		theirs, err := r.Admin.secrets.Get(ctx, name)
		switch {
		case err == nil && ours.Name == theirs.Name:
			return own, nil
		case err != nil && !secret.Definite(err):
			return "", err
		}
	}
	return "", nil
}

// secret is the name that the data or, where it has none, the attribute secretId
// gives.
func (n Notification) secret() string {
	var data struct {
		Name string `json:"name"`
	}
	if err := json.Unmarshal(n.Data, &data); err == nil && data.Name != "" {
		return data.Name
	}
	return n.Attributes["secretId"]
}
