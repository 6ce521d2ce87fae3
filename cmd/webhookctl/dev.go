package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"strings"

	"example.com/gemini-webhook/internal/console"
	"example.com/gemini-webhook/internal/devserver"
	"example.com/gemini-webhook/internal/endpoint"
)

// dev is "webhookctl dev".
type dev struct {
	Listen   string `default:"127.0.0.1:7070" placeholder:"HOST:PORT" help:"Where the page is, on loopback; port 0 is any that is free."`
	Headless bool   `help:"No page: print the addresses as lines for a shell, and run."`
	JSON     bool   `name:"json" help:"With --headless: print them as one line of JSON."`
	UntilEOF bool   `name:"until-eof" help:"End when standard input ends, too: as the child of a test."`
	Forward  string `placeholder:"URL" help:"Receiver of your own, which gets what comes: an address of this machine, or https. By default the one in this process."`
	Verbose  bool   `help:"Print the log of the receiver in this process."`
}

// Help is kong's, for details.
func (dev) Help() string {
	return `It runs the receiver in this process beside an embedded cloud: simulators of the
Gemini API, Pub/Sub, Cloud Storage and Secret Manager, on loopback. A minute of
Gemini's takes a second. Nothing is written to disk, and all is gone at the end.

A webhook is registered. What comes to RECEIVER_URL is recorded, whoever sends it.

The page lists the deliveries as they come, and shows of each: the checks of its
verification, what came, what was expected and what to do; what its event became, a
batch's plan, ranges and lines; the request, its token decoded, and what differs from
the delivery that it repeats. It triggers events and runs jobs, sends a delivery again,
or another body signed in any scheme, rotates the secret, sets the sender's clock and
turns faults on; it copies a delivery as curl, Go, Python, TypeScript, or as a fixture
that "webhookctl verify" reads. It works without a script, too; with it, by keys:

  j k    the next, the previous delivery    e   edit its body
  enter  open it                            s   sign what was edited, and send it
  /      search                             r   send it again, the same bytes
  t      trigger an event                   c   copy it as a fixture
  f      faults, clock, secret              y   copy it as curl
  esc    close, or back to the list         ?   these keys

It answers nobody but a browser on this machine that is at its own address, and does
nothing that another page asks for.

--headless prints lines such as

  export RECEIVER_URL='http://127.0.0.1:40123'

and at last # ready; with --json one line, {"ready": true, "env": {NAME: value}}. Of
the names, these are the command's own, the others are what a receiver and Google's
libraries read:

  RECEIVER_URL          the public door; WEBHOOK_URL is it with the webhook's path
  WEBHOOK_SECRET        the signing secret of the webhook
  DYNAMIC_WEBHOOK_URL   for a job's webhook_config, with its token
  WEBHOOK_SIGNER_URL    where "webhookctl trigger" has v1a and jwt signed
  GEMINI_API_KEY        of the simulator, which is at GOOGLE_GEMINI_BASE_URL

With them in the environment, a program that uses Google's SDKs talks to the
simulators, and the other commands to the embedded cloud:

  go run ./cmd/webhookctl dev --headless > dev.env &
  until grep -q ready dev.env; do sleep 1; done
  . ./dev.env
  go run ./cmd/webhookctl trigger batch.succeeded --url=$WEBHOOK_URL

What is published to OUTCOMES_TOPIC and RESULTS_TOPIC is had of a subscription at
PUBSUB_EMULATOR_HOST. docs/testing.md shows it in tests of other languages.

` + codesHelp + `

Here 0 is the end by an interrupt.`
}

// Run runs until it is interrupted.
func (d dev) Run(ctx context.Context, s streams) (err error) {
	if d.JSON && !d.Headless {
		return usage("--json goes with --headless")
	}
	if d.Forward != "" {
		if _, err := endpoint.Parse(d.Forward); err != nil {
			return usage("--forward %w", err)
		}
	}
	page, err := d.listen(ctx)
	if err != nil {
		return err
	}
	if page != nil {
		defer page.Close()
	}
	log.SetOutput(io.Discard) // where the SDK says what its next release renames
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	if d.UntilEOF && s.in != nil {
		go func() {
			_, _ = io.Copy(io.Discard, s.in) // however it ends
			stop()
		}()
	}
	options := devserver.Options{Forward: d.Forward}
	if d.Verbose {
		options.Log = s.messages
	}
	server, err := devserver.Start(ctx, options)
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	if err := d.print(s, server, page); err != nil {
		return err
	}
	if page == nil {
		<-ctx.Done()
		return nil
	}
	return console.Serve(ctx, page, server)
}

// listen listens where the page is to be; nil without one.
func (d dev) listen(ctx context.Context) (net.Listener, error) {
	if d.Headless {
		return nil, nil
	}
	l, err := console.Listen(ctx, d.Listen)
	switch {
	case errors.Is(err, console.ErrNotLoopback):
		return nil, usage("--listen: %w", err)
	case err != nil:
		return nil, fmt.Errorf("the page cannot be served, choose another --listen: %w", err)
	}
	return l, nil
}

// print says where everything is.
func (d dev) print(s streams, server *devserver.Server, page net.Listener) error {
	switch {
	case d.JSON:
		env := make(map[string]string)
		for _, pair := range server.Env() {
			name, value, _ := strings.Cut(pair, "=")
			env[name] = value
		}
		return json.NewEncoder(s.out).Encode(map[string]any{"ready": true, "env": env}) // one line
	case d.Headless:
		return printExports(s.out, server.Env())
	}
	for _, a := range server.State().Addresses {
		if _, err := fmt.Fprintf(s.out, "%-22s  %s  (%s)\n", a.Name, a.Value, a.What); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(s.out, "\nthe page is at http://%s/ (Ctrl-C ends it)\n", page.Addr())
	return err
}

// printExports prints an environment for a shell.
func printExports(out io.Writer, env []string) error {
	var text strings.Builder
	for _, pair := range env {
		name, value, _ := strings.Cut(pair, "=")
		fmt.Fprintf(&text, "export %s='%s'\n", name, strings.ReplaceAll(value, "'", `'\''`))
	}
	_, err := io.WriteString(out, text.String()+"# ready\n")
	return err
}
