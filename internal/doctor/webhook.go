package doctor

import (
	"context"
	"errors"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"example.com/gemini-webhook/internal/webhookadmin"
)

// webhook looks at the webhook, at the run that may be changing it, and at its
// keys.
func (d *doctor) webhook(ctx context.Context) []Finding {
	hook, pending, keys := newFinding("webhook"), newFinding("unfinished runs"), newFinding("webhook's keys")
	d.unfinished(ctx, pending)
	if registered, ok := d.registered(ctx, hook); ok {
		d.registration(hook, registered)
		d.keys(ctx, keys, registered)
	} else {
		keys.warn("see what the check of the webhook says", "could not check: the webhook is not known")
	}
	return []Finding{hook.Finding, pending.Finding, keys.Finding}
}

func (d *doctor) registered(ctx context.Context, f *finding) (webhookadmin.Webhook, bool) {
	if d.Webhooks == nil {
		f.warn("give --api-key-secret, or the environment variable GEMINI_API_KEY", "could not check: no Gemini API key")
		return webhookadmin.Webhook{}, false
	}
	create := "webhookctl webhook create --secret=" + string(d.SigningSecret) + " --uri=" + d.below("/gemini") + ", or terraform apply"
	hook, err := d.Webhooks.Get(ctx, d.SigningSecret)
	if errors.Is(err, webhookadmin.ErrNoWebhook) {
		f.fail(create, "%s names no webhook, or one that is gone", d.SigningSecret)
		return hook, false
	}
	if errors.Is(err, webhookadmin.ErrRefused) {
		f.noAnswer(err, "the webhook")
		return hook, false
	}
	return hook, !f.trouble(err, string(d.SigningSecret), "secretmanager.secrets.get (roles/secretmanager.viewer)", create)
}

func (d *doctor) registration(f *finding, hook webhookadmin.Webhook) {
	update := "webhookctl webhook update --secret=" + string(d.SigningSecret)
	switch hook.State {
	case webhookadmin.StateEnabled:
	case webhookadmin.StateFailed:
		f.fail("end what made the deliveries fail ("+runbookRefused+", "+runbook503+"), then: "+update+" --enabled",
			"Gemini gave up: it is %s", hook.State)
	default:
		f.fail(update+" --enabled, or terraform apply with enabled = true", "it is %s: Gemini delivers nothing", hook.State)
	}
	if !d.pointsHere(hook.URI) {
		f.fail(update+" --uri="+d.below("/gemini")+", or terraform apply", "it points to %s, not to %s or below", withoutToken(hook.URI), d.URL)
	}
	if len(hook.SubscribedEvents) == 0 {
		f.fail(update+" --events=batch.succeeded,…, or terraform apply", "it subscribes to no event")
	}
	f.ok("%s is enabled, points to %s and subscribes to %d types of events", hook.ID, hook.URI, len(hook.SubscribedEvents))
}

// pointsHere says whether static deliveries to uri reach the public door.
func (d *doctor) pointsHere(uri string) bool {
	u, err := url.Parse(uri)
	base, errBase := url.Parse(d.URL)
	if err != nil || errBase != nil || u.Scheme != base.Scheme || u.Host != base.Host {
		return false
	}
	path, ok := strings.CutPrefix(u.Path, strings.TrimSuffix(base.Path, "/"))
	return ok && (path == "" || path[0] == '/') && !strings.HasPrefix(path, "/tasks/") && !strings.HasPrefix(path, "/dynamic/")
}

// withoutToken leaves out what follows /dynamic/.
func withoutToken(uri string) string {
	if before, _, found := strings.Cut(uri, "/dynamic/"); found {
		return before + "/dynamic/…"
	}
	return uri
}

// unfinished looks for the mark of a run.
func (d *doctor) unfinished(ctx context.Context, f *finding) {
	got, err := d.Secrets.Get(ctx, d.SigningSecret)
	if f.trouble(err, string(d.SigningSecret), "secretmanager.secrets.get (roles/secretmanager.viewer)", "terraform apply, or webhookctl webhook create") {
		return
	}
	mark := webhookadmin.ReadNote(got, d.Now())
	if mark.Mark == "" {
		f.ok("none")
		return
	}
	if mark.AtWork {
		f.warn("run it again in two minutes", "a run (%s) is at work since %s", mark.Doing, mark.Since.UTC().Format(time.RFC3339))
		return
	}
	f.fail("webhookctl webhook create with the webhook's name and uri, or terraform apply: the next run heals it",
		"a run (%s) did not finish at %s: a key may be in force that nobody has", mark.Doing, mark.Since.UTC().Format(time.RFC3339))
}

// keys compares what Gemini shows of the keys in force with the versions. How
// Gemini shortens them is not documented, so that it only warns.
func (d *doctor) keys(ctx context.Context, f *finding, hook webhookadmin.Webhook) {
	versions, ok := d.enabled(ctx, f, d.SigningSecret, "webhookctl webhook create")
	if !ok {
		return
	}
	compared := 0
	for _, shown := range hook.SigningSecrets {
		start, end, ok := shortened(shown.Truncated)
		if !ok || slices.ContainsFunc(versions, func(v version) bool { return !v.read }) {
			continue
		}
		compared++
		if slices.ContainsFunc(versions, func(v version) bool { return v.shows(start, end) }) {
			continue
		}
		until := ""
		if !shown.Expires.IsZero() {
			until = ", until " + shown.Expires.UTC().Format(time.RFC3339)
		}
		f.warn("webhookctl webhook rotate --secret="+string(d.SigningSecret), "Gemini has a key in force that is no enabled version%s: what it signs is refused", until)
	}
	switch compared {
	case 0:
		f.ok("not compared with the versions (Gemini shows too little, or no secretmanager.versions.access)")
	default:
		f.ok("%d in force, all stored", compared)
	}
}

// ellipses are what stands for what is not shown.
var ellipses = regexp.MustCompile(`(\.{2,}|…|\*+)`)

// shortened cuts "whsec_abcd...": what is seen of the start and of the end.
// Without anything seen of the key itself there is nothing to compare.
func shortened(truncated string) (start, end string, ok bool) {
	at := ellipses.FindStringIndex(truncated)
	if at == nil {
		return "", "", false
	}
	start, end = truncated[:at[0]], truncated[at[1]:]
	return start, end, len(strings.TrimPrefix(start, "whsec_"))+len(end) >= 2
}
