package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"example.com/gemini-webhook/internal/gcp/secretmanager"
	"example.com/gemini-webhook/internal/secret"
	"example.com/gemini-webhook/internal/webhookadmin"
)

const changedHelp = `--json prints {dry_run, changed, secret, secret_created, webhook, changes: {create,
rotate, update, busy, versions}}. Changed is false where there was nothing to do;
with --dry-run it says what would be. Rotate is the reason for a new key
(adopted, interrupted, no_version), update the names of fields, versions the
secret's new ones.`

// changed is what create and update print. It has no secret.
type changed struct {
	DryRun        bool                  `json:"dry_run"`
	Changed       bool                  `json:"changed"`
	Secret        secret.Name           `json:"secret"`
	SecretCreated bool                  `json:"secret_created"`
	Webhook       *webhookadmin.Webhook `json:"webhook,omitempty"`
	Changes       webhookadmin.Changes  `json:"changes"`
}

type webhookCreate struct {
	signingSecret
	geminiFlags
	dryRun
	Name     string   `default:"gemini-webhook" help:"Name at Gemini. With the uri it is what a webhook is recognized by."`
	URI      string   `name:"uri" required:"" placeholder:"https://…" help:"Where Gemini delivers: the public door, any path outside /tasks/ and /dynamic/."`
	Events   []string `default:"${events}" help:"Types of events, comma-separated."`
	Disabled bool     `help:"Nothing is to be delivered yet."`
}

// Help is kong's, for details.
func (webhookCreate) Help() string {
	return `Running it again changes nothing, or brings about what is different: a webhook
that Gemini has disabled is enabled, one with the same name and uri that the
secret does not name is adopted (it gets a new key), what an interrupted run left
is healed. The secret is made where it is missing.

` + changedHelp + "\n\n" + webhookHelp + "\n\n" + olderCodesHelp
}

// Run brings about the webhook, or says what that takes.
func (w webhookCreate) Run(ctx context.Context, s streams) error {
	events, err := eventTypes(w.Events)
	if err != nil {
		return err
	}
	c, err := w.connect(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	defer c.warnRefused(ctx, s, w.Secret)
	desired := webhookadmin.Desired{Name: w.Name, URI: w.URI, SubscribedEvents: events, Enabled: !w.Disabled, SigningSecret: w.Secret}
	_, err = c.secrets.Get(ctx, w.Secret)
	result := changed{DryRun: w.DryRun, Secret: w.Secret, SecretCreated: errors.Is(err, secret.ErrNotFound)}
	if err != nil && !result.SecretCreated {
		return err
	}
	planner := c.admin
	if result.SecretCreated {
		planner = webhookadmin.New(c.webhooks, unborn{c.secrets}, time.Now)
	}
	if w.DryRun || result.SecretCreated { // no secret for what cannot be
		if result.Changes, err = planner.Plan(ctx, desired); err != nil {
			return err
		}
	}
	if w.DryRun {
		return result.finish(w.JSON, s.out)
	}
	if result.SecretCreated {
		if err := c.secrets.Create(ctx, w.Secret); err != nil {
			return err
		}
	}
	hook, changes, err := c.admin.Ensure(ctx, desired)
	if err != nil {
		if len(changes.Versions) > 0 { // its key is stored: only the rest is open
			return again(err)
		}
		if result.SecretCreated {
			err = fmt.Errorf("%w (the secret was made and stays: %s)", err, w.Secret)
		}
		return err
	}
	result.Webhook, result.Changes = &hook, changes
	return result.finish(w.JSON, s.out)
}

// unborn is Secret Manager as it will be when the missing secret has been made.
type unborn struct{ *secretmanager.Client }

// Get gives a secret without annotations.
func (unborn) Get(_ context.Context, name secret.Name) (secret.Metadata, error) {
	return secret.Metadata{Name: name}, nil
}

type webhookUpdate struct {
	signingSecret
	geminiFlags
	dryRun
	Name     *string  `help:"New name."`
	URI      *string  `name:"uri" placeholder:"https://…" help:"New address."`
	Events   []string `help:"New types of events, comma-separated; all others are given up."`
	Enabled  bool     `xor:"state" help:"Deliver, also where Gemini gave up after failed deliveries."`
	Disabled bool     `xor:"state" help:"Do not deliver."`
}

// Help is kong's, for details.
func (webhookUpdate) Help() string {
	return "What is not given stays as it is. It makes no key and waits for no other run.\n\n" +
		changedHelp + "\n\n" + webhookHelp + "\n\n" + olderCodesHelp
}

// Run sets what differs.
func (w webhookUpdate) Run(ctx context.Context, s streams) error {
	fields := webhookadmin.Fields{Name: w.Name, URI: w.URI}
	if w.Events != nil {
		var err error
		if fields.SubscribedEvents, err = eventTypes(w.Events); err != nil {
			return err
		}
	}
	switch enabled, disabled := webhookadmin.StateEnabled, webhookadmin.StateDisabled; {
	case w.Enabled:
		fields.State = &enabled
	case w.Disabled:
		fields.State = &disabled
	}
	if len(fields.Names()) == 0 {
		return usage("say what to change: --name, --uri, --events, --enabled or --disabled")
	}
	if w.URI != nil {
		if err := webhookadmin.CheckURI(*w.URI); err != nil { // before a dry run says what it would do
			return usage("%w", err)
		}
	}
	c, err := w.connect(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	hook, err := c.admin.Get(ctx, w.Secret)
	if err != nil {
		return err
	}
	fields = fields.Missing(hook)
	result := changed{DryRun: w.DryRun, Secret: w.Secret, Changes: webhookadmin.Changes{Update: fields.Names()}}
	if !w.DryRun {
		if hook, err = c.admin.Update(ctx, w.Secret, fields); err != nil {
			return err
		}
		result.Webhook = &hook
	}
	return result.finish(w.JSON, s.out)
}

// eventTypes is a sorted set.
func eventTypes(given []string) ([]string, error) {
	var events []string
	for _, event := range given {
		if event = strings.TrimSpace(event); event != "" {
			events = append(events, event)
		}
	}
	if len(events) == 0 {
		return nil, usage("--events wants at least one type of event")
	}
	slices.Sort(events)
	return slices.Compact(events), nil
}

// finish prints what was done, or would be, and turns a dry run's into its exit
// code.
func (r changed) finish(asJSON bool, out io.Writer) error {
	r.Changed = r.SecretCreated || !r.Changes.Empty()
	if asJSON {
		if err := printJSON(out, r); err != nil {
			return err
		}
	} else {
		r.print(out)
	}
	if r.DryRun && r.Changed {
		return errChanges
	}
	return nil
}

// reasons for a new key, for people.
var reasons = map[webhookadmin.Reason]string{
	webhookadmin.Adopted:     "the webhook was there and its key is not known here",
	webhookadmin.Interrupted: "an earlier run did not finish and may have lost one",
	webhookadmin.NoVersion:   "the secret had no enabled version",
}

func (r changed) print(out io.Writer) {
	mood := ""
	if r.DryRun {
		mood = "would be "
	}
	if !r.Changed {
		fmt.Fprintln(out, "nothing to do")
	}
	if r.SecretCreated {
		fmt.Fprintf(out, "secret %smade: %s\n", mood, r.Secret)
	}
	if r.Changes.Create {
		fmt.Fprintf(out, "webhook %sregistered\n", mood)
	}
	if why := r.Changes.Rotate; why != "" {
		fmt.Fprintf(out, "new signing secret %smade: %s\n", mood, reasons[why])
	}
	if fields := r.Changes.Update; len(fields) > 0 {
		fmt.Fprintf(out, "%sset: %s\n", mood, strings.Join(fields, ", "))
	}
	for _, number := range r.Changes.Versions {
		fmt.Fprintf(out, "signing secret stored: %s\n", r.Secret.Version(number))
	}
	if r.Changes.Busy {
		fmt.Fprintln(out, "another run is at work on this webhook: this is what is left if it does nothing")
	}
	if r.Webhook != nil {
		printWebhook(out, *r.Webhook)
	}
}
