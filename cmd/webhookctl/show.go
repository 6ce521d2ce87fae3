package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"example.com/gemini-webhook/internal/secret"
	"example.com/gemini-webhook/internal/webhookadmin"
)

// printJSON writes v as indented JSON.
func printJSON(out io.Writer, v any) error {
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

const webhookHelp = `With --json, a webhook is {id, name, uri, subscribed_events, state,
signing_secrets: [{truncated_secret, expire_time}], create_time, update_time}.`

type webhookGet struct {
	signingSecret
	geminiFlags
}

// Help is kong's, for details.
func (webhookGet) Help() string {
	return webhookHelp + `

--json prints {secret, webhook, versions: [{number, enabled, create_time}],
pending}. Pending is there while a run is at work or has left something to heal.

` + olderCodesHelp
}

type shown struct {
	Secret   secret.Name          `json:"secret"`
	Webhook  webhookadmin.Webhook `json:"webhook"`
	Versions []secret.Version     `json:"versions"`
	Pending  json.RawMessage      `json:"pending,omitempty"`
}

// Run shows the webhook that the secret names.
func (w webhookGet) Run(ctx context.Context, s streams) error {
	c, err := w.connect(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	defer c.warnRefused(ctx, s, w.Secret)
	hook, err := c.admin.Get(ctx, w.Secret)
	if err != nil {
		return err
	}
	versions, err := c.secrets.Versions(ctx, w.Secret)
	if err != nil {
		return err
	}
	_, pending, err := c.noted(ctx, w.Secret)
	if err != nil {
		return err
	}
	if !w.JSON {
		printWebhook(s.out, hook)
		fmt.Fprintf(s.out, "versions  %s of %s\n", listVersions(versions), w.Secret)
		if pending != "" {
			fmt.Fprintf(s.out, "pending   %s\n          another run is at work, or did not finish: webhook create or rotate heals it\n", pending)
		}
		return nil
	}
	answer := shown{Secret: w.Secret, Webhook: hook, Versions: append([]secret.Version{}, versions...)}
	if json.Valid([]byte(pending)) {
		answer.Pending = json.RawMessage(pending)
	} else if pending != "" { // edited by hand
		answer.Pending, _ = json.Marshal(pending) // a string
	}
	return printJSON(s.out, answer)
}

func printWebhook(out io.Writer, hook webhookadmin.Webhook) {
	fmt.Fprintf(out, "webhook   %s, %s\nname      %s\nuri       %s\nevents    %s\n",
		hook.ID, hook.State, hook.Name, hook.URI, strings.Join(hook.SubscribedEvents, ", "))
	for _, key := range hook.SigningSecrets {
		until := ""
		if !key.Expires.IsZero() {
			until = ", until " + key.Expires.UTC().Format(time.RFC3339)
		}
		fmt.Fprintf(out, "in force  %s%s\n", key.Truncated, until)
	}
}

func listVersions(versions []secret.Version) string {
	var texts []string
	for _, v := range versions {
		text := fmt.Sprint(v.Number)
		if !v.Enabled {
			text += " (not enabled)"
		}
		texts = append(texts, text)
	}
	if texts == nil {
		return "none"
	}
	return strings.Join(texts, ", ")
}

type webhookList struct {
	Secret secret.Name `env:"SIGNING_SECRET" placeholder:"projects/P/secrets/S" help:"Secret whose webhook is marked in the list."`
	geminiFlags
}

// Help is kong's, for details.
func (webhookList) Help() string {
	return webhookHelp + `

--json prints {webhooks: [...]}, each with of_secret: whether it is the one that
the secret names.

` + olderCodesHelp
}

type listed struct {
	webhookadmin.Webhook
	OfSecret bool `json:"of_secret"`
}

// Run lists the webhooks of the API key's project.
func (w webhookList) Run(ctx context.Context, s streams) error {
	c, err := w.connect(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	hooks, err := c.admin.List(ctx)
	if err != nil {
		return err
	}
	var ours string
	if w.Secret != "" {
		if ours, _, err = c.noted(ctx, w.Secret); err != nil && !errors.Is(err, secret.ErrNotFound) {
			return err
		}
	}
	all := []listed{}
	for _, hook := range hooks {
		all = append(all, listed{hook, hook.ID == ours})
	}
	if w.JSON {
		return printJSON(s.out, map[string]any{"webhooks": all})
	}
	if len(all) == 0 {
		fmt.Fprintln(s.messages, "the API key's project has no webhooks")
		return nil
	}
	table := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tSTATE\tNAME\tURI\t")
	for _, l := range all {
		mark := ""
		if l.OfSecret {
			mark = "of the secret"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", l.ID, l.State, l.Name, l.URI, mark)
	}
	return table.Flush()
}
