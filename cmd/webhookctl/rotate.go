package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"example.com/gemini-webhook/internal/secret"
	"example.com/gemini-webhook/internal/webhookadmin"
)

type webhookPing struct {
	signingSecret
	geminiFlags
}

// Help is kong's, for details.
func (webhookPing) Help() string {
	return `It does not wait for the delivery: look for it in the receiver's log.
--json prints {secret, webhook_id}.

` + olderCodesHelp
}

// Run asks for a test delivery.
func (w webhookPing) Run(ctx context.Context, s streams) error {
	c, err := w.connect(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	hook, err := c.admin.Get(ctx, w.Secret)
	if err != nil {
		return err
	}
	if err := c.admin.Ping(ctx, w.Secret); err != nil {
		return err
	}
	if w.JSON {
		return printJSON(s.out, map[string]string{"secret": string(w.Secret), "webhook_id": hook.ID})
	}
	fmt.Fprintf(s.out, "Gemini sends a test delivery of webhook %s to %s\n", hook.ID, hook.URI)
	return nil
}

type webhookRotate struct {
	signingSecret
	geminiFlags
	dryRun
	Now bool `help:"Revoke the older keys at once and disable their versions, because one has leaked. Deliveries under way that they signed are refused."`
}

// Help is kong's, for details.
func (webhookRotate) Help() string {
	return `Without --now the older keys stay in force for 24 hours more, and nothing is
refused meanwhile. What an interrupted run left is healed on the way.

--json prints {dry_run, changed, secret, webhook_id, revocation, versions,
disabled}: revocation is after_24h or immediately, versions are the secret's new
ones, the newest last, disabled those that no receiver accepts any more.

` + olderCodesHelp
}

type rotated struct {
	DryRun     bool                  `json:"dry_run"`
	Changed    bool                  `json:"changed"`
	Secret     secret.Name           `json:"secret"`
	WebhookID  string                `json:"webhook_id"`
	Revocation webhookadmin.Behavior `json:"revocation"`
	Versions   []int64               `json:"versions"`
	Disabled   []int64               `json:"disabled"`
}

// Run makes a new signing secret, or says what that would do.
func (w webhookRotate) Run(ctx context.Context, s streams) error {
	c, err := w.connect(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	defer c.warnRefused(ctx, s, w.Secret)
	result := rotated{DryRun: w.DryRun, Changed: true, Secret: w.Secret, Revocation: webhookadmin.After24h, Versions: []int64{}, Disabled: []int64{}}
	if w.Now {
		result.Revocation = webhookadmin.Immediately
	}
	if w.DryRun {
		err = result.plan(ctx, c)
	} else {
		var done webhookadmin.Rotated
		done, err = c.admin.Rotate(ctx, w.Secret, result.Revocation)
		result.WebhookID = done.WebhookID
		result.Versions = append(result.Versions, done.Versions...)
		result.Disabled = append(result.Disabled, done.Disabled...)
	}
	if err != nil {
		return err
	}
	if w.JSON {
		err = printJSON(s.out, result)
	} else {
		_, err = fmt.Fprint(s.out, result.text())
	}
	if err == nil && w.DryRun {
		return errChanges
	}
	return err
}

// plan fills in what a rotation would be about.
func (r *rotated) plan(ctx context.Context, c *services) error {
	hook, err := c.admin.Get(ctx, r.Secret)
	if err != nil {
		return err
	}
	r.WebhookID = hook.ID
	versions, err := c.secrets.Versions(ctx, r.Secret)
	for _, v := range versions {
		if v.Enabled && r.Revocation == webhookadmin.Immediately {
			r.Disabled = append(r.Disabled, v.Number)
		}
	}
	slices.Sort(r.Disabled)
	return err
}

func (r rotated) text() string {
	slices.Sort(r.Disabled)
	disabled := strings.Trim(fmt.Sprint(r.Disabled), "[]")
	if disabled == "" {
		disabled = "none"
	}
	if r.DryRun {
		text := "webhook " + r.WebhookID + " would get a new signing secret, stored as a version of " + string(r.Secret) + "\n"
		if r.Revocation == webhookadmin.After24h {
			return text + "the older keys would stay in force for 24 hours more\n"
		}
		return text + "the older keys would be revoked at once; versions that would be disabled: " + disabled + "\n"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "webhook %s has a new signing secret\n", r.WebhookID)
	for _, number := range r.Versions {
		fmt.Fprintf(&b, "stored: %s\n", r.Secret.Version(number))
	}
	if r.Revocation == webhookadmin.After24h {
		b.WriteString("the older keys stay in force for 24 hours more; receivers accept them for SIGNING_SECRET_OVERLAP, 24h by default\n")
		return b.String()
	}
	fmt.Fprintf(&b, `older keys revoked; versions disabled: %s
what remains:
  each instance of the receiver refuses the old keys as soon as it looks: at its next delivery that the new
  key signed (Gemini was asked for a ping), or after SECRET_TTL, 5m by default, at the latest
  see what came in while the old key was known: docs/runbooks/secret-compromised.md
`, disabled)
	return b.String()
}
