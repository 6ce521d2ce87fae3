package webhookadmin

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"example.com/gemini-webhook/internal/gcp/secretmanager"
)

const (
	eventRotate = "SECRET_ROTATE" // the attribute eventType of a notification that a rotation is due
	// minInterval is how old the newest key is before the next one is made: half
	// of the shortest rotation_period that Secret Manager takes.
	minInterval = 30 * time.Minute
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
)

// Result is what a notification led to. It has no secret.
type Result struct {
	Action    Action
	Secret    string  // as configured; empty where it is none of ours
	WebhookID string  // where it was rotated
	Versions  []int64 // stored, the newest last
	Disabled  []int64 // whose overlap is over
}

// Rotation answers Secret Manager's notifications: the function
// RotateSigningSecret. Every field is required but MinInterval.
type Rotation struct {
	Admin   *Admin
	Secrets []string // projects/P/secrets/S that are signing secrets of ours
	// Overlap is how long a receiver accepts a version after the next one was
	// created (SIGNING_SECRET_OVERLAP). Versions are disabled after it, but not
	// before 24 h.
	Overlap time.Duration
	// MinInterval is the least time between two keys; 0 means 30 minutes.
	MinInterval time.Duration
}

// geminiOverlap is how long Gemini may sign with a key after the next was made.
const geminiOverlap = 24 * time.Hour

// HandleNotification rotates the signing secret of the webhook that the secret
// names, with the overlap of 24 h, where a SECRET_ROTATE of one of our secrets
// says that it is due, and disables the versions whose overlap is over. It is
// idempotent: a notification that is repeated, or late, finds a key that was
// stored after it was published, and of several at once one rotates; besides,
// nobody who can publish can make keys faster than every MinInterval. What an
// interrupted run left is healed first. An error means that the notification
// shall be delivered again, [ErrNoWebhook] too: it ends when somebody creates
// the webhook.
func (r Rotation) HandleNotification(ctx context.Context, n Notification) (Result, error) {
	if n.Attributes["eventType"] != eventRotate {
		return Result{Action: ActionIgnored}, nil
	}
	secret, err := r.ours(ctx, n)
	if secret == "" || err != nil {
		return Result{Action: ActionIgnored}, err
	}
	result := Result{Action: ActionRotated, Secret: secret}
	rotated, skipped, err := r.Admin.rotate(ctx, secret, false, func(st state) (bool, error) { return r.current(ctx, st, n.Published) })
	if err != nil {
		return result, err
	}
	if result.WebhookID, result.Versions = rotated.WebhookID, rotated.Versions; skipped {
		result.Action = ActionCurrent
	}
	result.Disabled, err = r.Admin.Retire(ctx, secret, max(r.Overlap, geminiOverlap))
	if err != nil {
		return result, fmt.Errorf("the signing secret is up to date, but versions whose overlap is over are not all disabled: %w", err)
	}
	return result, nil
}

// current says whether the newest key is new enough. The annotation counts
// beside the list of versions, which may lag.
func (r Rotation) current(ctx context.Context, st state, published time.Time) (bool, error) {
	newest := st.rotated
	versions, err := r.Admin.secrets.Versions(ctx, st.secret)
	if err != nil {
		return false, err
	}
	for _, v := range versions {
		if v.Created.After(newest) {
			newest = v.Created
		}
	}
	interval := r.MinInterval
	if interval == 0 {
		interval = minInterval
	}
	return !published.IsZero() && newest.After(published) || r.Admin.now().Sub(newest) < interval, nil
}

// ours is the configured secret that a notification is about, or empty. Google
// names the project by its number.
func (r Rotation) ours(ctx context.Context, n Notification) (string, error) {
	name := n.secret()
	for _, secret := range r.Secrets {
		if secret == name {
			return secret, nil
		}
		if !secretmanager.SameSecret(secret, name) {
			continue
		}
		ours, err := r.Admin.secrets.Get(ctx, secret)
		if err != nil {
			return "", err
		}
		theirs, err := r.Admin.secrets.Get(ctx, name)
		switch {
		case err == nil && ours.Name == theirs.Name:
			return secret, nil
		case err != nil && !secretmanager.Definite(err):
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
