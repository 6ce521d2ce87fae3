package main

import (
	"context"
	"fmt"
	"strings"

	"example.com/gemini-webhook/internal/secret"
)

type webhookDelete struct {
	signingSecret
	geminiFlags
	dryRun
	ID  string `name:"id" help:"Delete this webhook, also one that the secret does not name: of several with one name and uri."`
	Yes bool   `short:"y" help:"Do not ask."`
}

// Help is kong's, for details.
func (webhookDelete) Help() string {
	return `Gemini delivers nothing to it from then on; events of that time are lost. What an
interrupted run may have created is deleted too. The secret and its versions stay.

--json prints {dry_run, changed, secret, webhook_id}.

` + olderCodesHelp
}

type deleted struct {
	DryRun    bool        `json:"dry_run"`
	Changed   bool        `json:"changed"`
	Secret    secret.Name `json:"secret"`
	WebhookID string      `json:"webhook_id"` // empty where only what an interrupted run left is cleared away
}

// Run deletes the webhook, or says what it would delete.
func (w webhookDelete) Run(ctx context.Context, s streams) error {
	c, err := w.connect(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	id, pending, err := c.noted(ctx, w.Secret)
	if err != nil {
		return err
	}
	result := deleted{DryRun: w.DryRun, Secret: w.Secret, WebhookID: id}
	if w.ID != "" {
		result.WebhookID = strings.TrimPrefix(w.ID, "webhooks/")
	}
	what, err := w.describe(ctx, c, result.WebhookID)
	if err != nil {
		return err
	}
	result.Changed = what != "" || id != "" && result.WebhookID == id || pending != "" && w.ID == ""
	if what == "" {
		what = "what is noted of a webhook that is gone, or of a run that did not finish"
	}
	if result.Changed && !w.DryRun {
		if err := w.confirm(s, what); err != nil {
			return err
		}
		if err := c.admin.Delete(ctx, w.Secret, strings.TrimPrefix(w.ID, "webhooks/")); err != nil {
			return err
		}
	}
	return w.report(s, result, what)
}

// report prints the result; of a dry run its error says that there is something
// to do.
func (w webhookDelete) report(s streams, result deleted, what string) (err error) {
	switch {
	case w.JSON:
		err = printJSON(s.out, result)
	case !result.Changed:
		_, err = fmt.Fprintln(s.out, "nothing to do: there is no such webhook")
	case w.DryRun:
		_, err = fmt.Fprintln(s.out, "would be deleted:", what)
	default:
		_, err = fmt.Fprintln(s.out, "deleted:", what)
	}
	if err == nil && w.DryRun && result.Changed {
		return errChanges
	}
	return err
}

// describe is the webhook for people, empty where there is none.
func (w webhookDelete) describe(ctx context.Context, c *services, id string) (string, error) {
	if id == "" {
		return "", nil
	}
	hooks, err := c.admin.List(ctx)
	if err != nil {
		return "", err
	}
	for _, hook := range hooks {
		if hook.ID == id {
			return fmt.Sprintf("webhook %s (%s, %s)", id, hook.Name, hook.URI), nil
		}
	}
	return "", nil
}

// confirm asks, unless --yes is given.
func (w webhookDelete) confirm(s streams, what string) error {
	if w.Yes {
		return nil
	}
	return s.confirm("delete", what)
}
