package provider

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	simulator "example.com/gemini-webhook/internal/localcloud/gemini"
	"example.com/gemini-webhook/internal/webhookadmin"
)

// TestImport of a webhook that others have made, by webhookadmin or not.
func TestImport(t *testing.T) {
	t.Parallel()
	ours := func(r *rig) string { return r.webhooks()[0].ID }
	for name, test := range map[string]struct {
		known bool // the secret names the webhook
		id    func(*rig) string
		want  []string // planned after it
		err   string
	}{
		"by secret":                    {true, func(*rig) string { return signingSecret }, nil, ""},
		"by id and secret":             {true, func(r *rig) string { return ours(r) + "," + signingSecret }, nil, ""},
		"key unknown":                  {false, func(r *rig) string { return "webhooks/" + ours(r) + ", " + signingSecret }, []string{"signing_secrets", "update_time"}, ""},
		"key unknown, by secret alone": {false, func(*rig) string { return signingSecret }, nil, "import by WEBHOOK_ID,"},
		"of another secret":            {true, func(*rig) string { return "whother," + signingSecret }, nil, "is another webhook's"},
		"by id alone":                  {true, ours, nil, "Unknown form of id"},
		"no secret there":              {true, func(r *rig) string { return ours(r) + ",projects/p/secrets/none" }, nil, "cannot be imported"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, simulator.Options{Signing: simulator.SignOldUntilExpiry})
			desired := webhookadmin.Desired{Name: "ours", URI: r.Receiver.URL + "/static", Enabled: true, SigningSecret: signingSecret,
				SubscribedEvents: []string{"batch.succeeded", "batch.failed"}}
			_, _, err := r.admin().Ensure(t.Context(), desired)
			must(t, err)
			if !test.known {
				must(t, r.admin().Release(t.Context(), signingSecret, ours(r)))
			}
			w := newWorkspace(r, "gemini_webhook")
			err = w.importState(t.Context(), test.id(r))
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) {
					t.Errorf("%v, want %q", err, test.err)
				}
				return
			}
			must(t, err)
			if diff := cmp.Diff(test.want, w.mustPlan(r.webhook())); diff != "" {
				t.Errorf("planned (-want +got):\n%s", diff)
			}
			must(t, w.apply(t.Context(), r.webhook()))
			checkApplied(t, w, r.webhook())
		})
	}
}

// TestImportOfToken takes the newest enabled version.
func TestImportOfToken(t *testing.T) {
	t.Parallel()
	r := newRig(t, simulator.Options{})
	for range 3 {
		r.Store.Add(tokenSecret, []byte("a-token-that-somebody-has-made-0123456789"))
	}
	must(t, r.Store.Disable(tokenSecret, 3))
	w := newWorkspace(r, "gemini_webhook_token")
	must(t, w.importState(t.Context(), tokenSecret))
	if changed := w.mustPlan(r.token()); len(changed) > 0 {
		t.Errorf("planned %v", changed)
	}
	if got := w.attribute("id"); got != tokenSecret {
		t.Errorf("id %s", got)
	}
	if err := w.importState(t.Context(), "projects/p/secrets/token/versions/2"); err == nil {
		t.Error("imported by a version's name")
	}
}
