package webhookadmin_test

import (
	"bytes"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	simulator "example.com/gemini-webhook/internal/localcloud/gemini"
	"example.com/gemini-webhook/internal/secret"
	. "example.com/gemini-webhook/internal/webhookadmin"
)

func (r *rig) rotation() Rotation {
	return Rotation{Admin: r.admin, Secrets: []secret.Name{secretName}, Overlap: 24 * time.Hour}
}

// due is a notification that was published now.
func due(r *rig) Notification {
	return Notification{
		Attributes: map[string]string{"eventType": "SECRET_ROTATE", "secretId": numbered},
		Data:       []byte(`{"name":"` + numbered + `","createTime":"2026-01-01T00:00:00Z"}`),
		Published:  r.Now(),
	}
}

// What a message has delivered again, and what the log says.
func TestHandle(t *testing.T) {
	t.Parallel()
	r := newRig(t, simulator.Options{})
	r.ensure(r.desired())
	r.Store.Create("projects/p/secrets/other")
	message := func(name string) string {
		return `{"message":{"attributes":{"eventType":"SECRET_ROTATE","secretId":"` + name + `"},"publishTime":"` + r.Now().UTC().Format(time.RFC3339Nano) + `"}}`
	}
	for _, test := range []struct {
		name, data string
		fault      fault
		again      bool
		log        string
	}{
		{"due", message(secretName), fine, false, `level=INFO msg="notification of Secret Manager" event_type=SECRET_ROTATE action=rotated secret=` + secretName},
		{"another event", `{"message":{"attributes":{"eventType":"SECRET_VERSION_ADD"}}}`, fine, false, "action=ignored"},
		{"not finished", message(secretName), refuse, true, `level=ERROR msg="rotation not finished`},
		{"somebody has to act", message("projects/p/secrets/other"), fine, false, `level=ERROR msg="not rotated: the secret has no webhook`},
		{"no message", `{}`, fine, false, "level=ERROR"},
		{"no JSON", `{`, fine, false, "level=ERROR"},
	} {
		var log bytes.Buffer
		rotation := r.rotation()
		rotation.Log = slog.New(slog.NewTextHandler(io.MultiWriter(&log, r.texts), nil))
		if test.name == "somebody has to act" {
			rotation.Secrets = nil
		}
		r.Faults.Set(func(string) fault { return test.fault })
		if err := rotation.Handle(t.Context(), []byte(test.data), time.Time{}); (err != nil) != test.again {
			t.Errorf("%s: error %v, want it delivered again: %v", test.name, err, test.again)
		}
		if !strings.Contains(log.String(), test.log) {
			t.Errorf("%s: log %q, want %q in it", test.name, &log, test.log)
		}
	}
}

// handle is HandleNotification, which must succeed.
func (r *rig) handle(n Notification) Result {
	r.t.Helper()
	result, err := r.rotation().HandleNotification(r.t.Context(), n)
	r.texts.add(result)
	must(r.t, err)
	return result
}

func TestNotificationRotates(t *testing.T) {
	t.Parallel()
	r := newRig(t, simulator.Options{})
	hook, _ := r.ensure(r.desired())
	early := due(r)
	early.Published = early.Published.Add(-time.Hour)
	if got := r.handle(early); got.Action != ActionCurrent {
		t.Errorf("published before the webhook was created: %+v, want nothing done", got)
	}
	first := due(r)
	want := Result{Action: ActionRotated, Secret: secretName, WebhookID: hook.ID, Versions: []int64{2}}
	if diff := cmp.Diff(want, r.handle(first)); diff != "" {
		t.Errorf("due (-want +got)\n%s", diff)
	}
	r.settled()

	// Repeated at once, and late: the version was created after it was published.
	for _, later := range []time.Duration{0, 23 * time.Hour, 49 * time.Hour} {
		r.Pass(later)
		if got := r.handle(first); got.Action != ActionCurrent || len(got.Versions) != 0 {
			t.Errorf("repeated after %v: %+v, want nothing rotated", later, got)
		}
	}
	// The next ones. Three days have passed by the Admin's clock, but the versions
	// are dated by the server's: the overlap of each is over at once.
	if got := r.handle(due(r)); !slices.Equal(got.Versions, []int64{3}) || !slices.Equal(got.Disabled, []int64{2}) {
		t.Errorf("the second: %+v, want version 3 stored and 2 disabled", got)
	}
	if enabled := r.Enabled(secretName); !slices.Equal(enabled, []int64{3}) {
		t.Errorf("versions %v are enabled, want the newest", enabled)
	}
	r.settled()
	// Nobody knows when it was published: the age of the newest key decides.
	undated := due(r)
	undated.Published = time.Time{}
	if got := r.handle(undated); got.Action != ActionCurrent {
		t.Errorf("undated, just rotated: %+v", got)
	}
	r.Pass(time.Hour)
	if got := r.handle(undated); got.Action != ActionRotated {
		t.Errorf("undated, an hour later: %+v", got)
	}
}

// TestNotificationDisablesAfterTheOverlap: the older version stays as long as a
// receiver accepts it, and goes with the first notification after that, also
// with a repeated one.
func TestNotificationDisablesAfterTheOverlap(t *testing.T) {
	t.Parallel()
	r := newRig(t, simulator.Options{})
	r.ensure(r.desired())
	n := due(r)
	if got := r.handle(n); got.Action != ActionRotated || len(got.Disabled) != 0 {
		t.Fatalf("%+v, want it rotated and nothing disabled", got)
	}
	r.Pass(23 * time.Hour)
	if got := r.handle(n); got.Action != ActionCurrent || len(got.Disabled) != 0 {
		t.Errorf("within the overlap: %+v", got)
	}
	r.Pass(2 * time.Hour)
	if got := r.handle(n); got.Action != ActionCurrent || !slices.Equal(got.Disabled, []int64{1}) {
		t.Errorf("after the overlap: %+v, want version 1 disabled", got)
	}
	if got := r.handle(n); len(got.Disabled) != 0 {
		t.Errorf("once more: %+v", got)
	}
	r.settled()
}

// TestFloodOfNotificationsIsLimited: each says that it was published after the
// newest key was stored.
func TestFloodOfNotificationsIsLimited(t *testing.T) {
	t.Parallel()
	r := newRig(t, simulator.Options{})
	r.ensure(r.desired())
	var got []Action
	for range MaxPerHour + 2 {
		got = append(got, r.handle(due(r)).Action)
	}
	want := append(slices.Repeat([]Action{ActionRotated}, MaxPerHour-1), ActionLimited, ActionLimited, ActionLimited)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	r.settled()
	r.Pass(time.Hour)
	if got := r.handle(due(r)); got.Action != ActionRotated {
		t.Errorf("an hour later: %+v", got)
	}
}

// TestUndatedNotification: the first one counts, however young the webhook is; a
// repeated one cannot be told from it but by the time.
func TestUndatedNotification(t *testing.T) {
	t.Parallel()
	r := newRig(t, simulator.Options{})
	r.ensure(r.desired())
	n := due(r)
	n.Published = time.Time{}
	for i, want := range []Action{ActionRotated, ActionCurrent} {
		if got := r.handle(n); got.Action != want {
			t.Errorf("time %d: %+v, want %s", i+1, got, want)
		}
	}
	r.settled()
}

// TestAnySecretOfOurs: without a list, the annotation says whether a secret has a
// webhook.
func TestAnySecretOfOurs(t *testing.T) {
	t.Parallel()
	r := newRig(t, simulator.Options{})
	r.ensure(r.desired())
	r.Store.Create("projects/p/secrets/other")
	rotation := r.rotation()
	rotation.Secrets = nil
	for name, want := range map[string]Action{numbered: ActionRotated, "projects/p/secrets/other": ActionNoWebhook, "projects/p/secrets/none": ActionIgnored, "": ActionIgnored} {
		n := due(r)
		n.Data, n.Attributes["secretId"] = nil, name
		got, err := rotation.HandleNotification(t.Context(), n)
		if err != nil || got.Action != want {
			t.Errorf("%q: %+v, %v, want %s", name, got, err, want)
		}
	}
	r.settled()
}

func TestNotificationsOfOthersAreIgnored(t *testing.T) {
	t.Parallel()
	r := newRig(t, simulator.Options{})
	r.ensure(r.desired())
	r.Store.Create("projects/other/secrets/signing")
	tests := []struct {
		name   string
		change func(*Notification)
		want   Action
	}{
		{"another event", func(n *Notification) { n.Attributes["eventType"] = "SECRET_VERSION_ADD" }, ActionIgnored},
		{"a test of the topic", func(n *Notification) {
			*n = Notification{Attributes: map[string]string{"eventType": "TOPIC_CONFIGURED"}}
		}, ActionIgnored},
		{"no attributes", func(n *Notification) { n.Attributes = nil }, ActionIgnored},
		{"another secret", func(n *Notification) { n.Data = []byte(`{"name":"projects/123456789/secrets/other"}`) }, ActionIgnored},
		{"another project", func(n *Notification) { n.Data = []byte(`{"name":"projects/other/secrets/signing"}`) }, ActionIgnored},
		{"another project by its number", func(n *Notification) { n.Data = []byte(`{"name":"projects/987654321/secrets/signing"}`) }, ActionIgnored},
		{"another project by its number, in the attribute", func(n *Notification) {
			n.Data = nil
			n.Attributes["secretId"] = "projects/987654321/secrets/signing"
		}, ActionIgnored},
		{"an unknown number", func(n *Notification) { n.Data = []byte(`{"name":"projects/42/secrets/signing"}`) }, ActionIgnored},
		{"no name", func(n *Notification) { n.Data = nil; delete(n.Attributes, "secretId") }, ActionIgnored},
		{"no data", func(n *Notification) { n.Data = nil }, ActionRotated},
		{"no JSON", func(n *Notification) { n.Data = []byte("{") }, ActionRotated},
		{"by project id", func(n *Notification) { n.Data = []byte(`{"name":"` + secretName + `"}`) }, ActionRotated},
	}
	for _, test := range tests {
		n := due(r)
		test.change(&n)
		if got := r.handle(n); got.Action != test.want {
			t.Errorf("%s: %s, want %s", test.name, got.Action, test.want)
		}
	}
}

func TestNotificationsAtOnceRotateOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t, simulator.Options{})
	r.ensure(r.desired())
	n := due(r)
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			rotation := r.rotation()
			rotation.Admin = r.newAdmin()
			if _, err := rotation.HandleNotification(t.Context(), n); err != nil {
				t.Errorf("notification: %v", err)
			}
		})
	}
	wg.Wait()
	if enabled := r.Enabled(secretName); !slices.Equal(enabled, []int64{2, 1}) {
		t.Errorf("versions %v, want one more", enabled)
	}
	r.settled()
}

// TestNotificationWithoutAWebhook is for somebody to look at, not for Pub/Sub
// to deliver again; an outage is.
func TestNotificationWithoutAWebhook(t *testing.T) {
	t.Parallel()
	r := newRig(t, simulator.Options{})
	if got := r.handle(due(r)); got.Action != ActionNoWebhook {
		t.Errorf("no webhook: %+v", got)
	}
	hook, _ := r.ensure(r.desired())
	must(t, r.Webhooks(nil).Delete(t.Context(), hook.ID))
	if got := r.handle(due(r)); got.Action != ActionNoWebhook {
		t.Errorf("the webhook is gone: %+v", got)
	}
	r.Faults.Set(func(string) fault { return refuse })
	if _, err := r.rotation().HandleNotification(t.Context(), due(r)); err == nil {
		t.Error("nothing answers: no error")
	}
}
