// Command webhookctl is the operator's and the developer's tool for the
// receiver. It acts with the rights of whoever runs it (Application Default
// Credentials).
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/alecthomas/kong"

	"example.com/gemini-webhook/internal/version"
)

type cli struct {
	DynamicURI dynamicURI       `cmd:"" name:"dynamic-uri" help:"Print the URL that a job's webhook_config wants. It holds a token: treat it as a password."`
	Token      token            `cmd:"" help:"Make the tokens of dynamic webhook URLs."`
	Version    kong.VersionFlag `help:"Print the version."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "webhookctl:", err)
		os.Exit(1)
	}
}

// run does one command. What scripts read goes to out, what people read to
// messages.
func run(ctx context.Context, args []string, out, messages io.Writer) error {
	parser, err := kong.New(&cli{},
		kong.Name("webhookctl"),
		kong.Description("Operate a receiver of Gemini API webhooks."),
		kong.Vars{"version": version.String()},
		kong.Writers(messages, messages),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(streams{out, messages}),
		kong.UsageOnError(),
	)
	if err != nil {
		return err
	}
	command, err := parser.Parse(args)
	if err != nil {
		return err
	}
	return command.Run()
}

type streams struct{ out, messages io.Writer }
