// Command webhookctl is the operator's and the developer's tool for the
// receiver. It acts with the rights of whoever runs it (Application Default
// Credentials).
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"example.com/gemini-webhook/internal/version"
)

type cli struct {
	Webhook     webhook          `cmd:"" help:"Register, change, rotate and delete the static webhook."`
	Doctor      examination      `cmd:"" help:"Check a deployment, and say for each finding what to do."`
	Batch       batches          `cmd:"" help:"Retry what failed of a batch."`
	DLQ         dlq              `cmd:"" name:"dlq" help:"List, redrive and drop the dead letters of the work queue."`
	DynamicURI  dynamicURI       `cmd:"" name:"dynamic-uri" help:"Print the URL that a job's webhook_config wants. It holds a token: treat it as a password."`
	Token       token            `cmd:"" help:"Make the tokens of dynamic webhook URLs."`
	Dev         dev              `cmd:"" help:"Run the receiver beside an embedded cloud, for development and tests."`
	Listen      listen           `cmd:"" help:"Forward what the deployed receiver publishes to an address of this machine."`
	Trigger     trigger          `cmd:"" help:"Send a signed event to a receiver."`
	Conformance conformance      `cmd:"" help:"Say of any receiver which of the test vectors it gets right."`
	Verify      verification     `cmd:"" help:"Say of a captured delivery which checks hold and why."`
	Version     kong.VersionFlag `help:"Print the version."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, func() {
		stop() // the next signal kills
		fmt.Fprintln(os.Stderr, "webhookctl: interrupted; what must not be left half done is finished first, within 75 s")
	})
	code := run(ctx, os.Args[1:], streams{
		in: os.Stdin, terminal: isTerminal(os.Stdin),
		out: os.Stdout, messages: os.Stderr, live: isTerminal(os.Stderr),
	})
	os.Exit(code)
}

func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// streams are what a command talks through. What scripts read goes to out, what
// people read beside it to messages.
type streams struct {
	in            io.Reader
	terminal      bool // somebody can answer on in
	out, messages io.Writer
	live          bool // messages is a terminal, where a line can be written over
	// pause is the first between pulls that gave nothing; 0: deadletter's.
	pause time.Duration
}

// run does one command, reports its error, and returns the exit code.
func run(ctx context.Context, args []string, s streams) int {
	err := execute(ctx, args, s)
	if err != nil && !errors.Is(err, errChanges) && !errors.Is(err, errFound) {
		fmt.Fprintln(s.messages, "webhookctl:", err)
	}
	return codeOf(ctx, err)
}

// helped is what ends a command line that asks for help or for the version.
type helped struct{}

// newParser reads command lines. What asks for help or the version panics with
// helped once it is printed.
func newParser(ctx context.Context, s streams) (*kong.Kong, error) {
	return kong.New(&cli{},
		kong.Name("webhookctl"),
		kong.Description("Operate a receiver of Gemini API webhooks.\n\n"+codesHelp+"\n\nOf "+strings.Join(older, ", ")+":\n\n"+olderCodesHelp),
		kong.Vars{"version": version.String(), "events": defaultEvents},
		kong.Writers(s.out, s.messages),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(s),
		kong.Exit(func(int) { panic(helped{}) }),
	)
}

func execute(ctx context.Context, args []string, s streams) (err error) {
	parser, err := newParser(ctx, s)
	if err != nil {
		return err
	}
	defer func() {
		if p := recover(); p != nil && p != (helped{}) {
			panic(p)
		}
	}()
	command, err := parser.Parse(args)
	if err != nil {
		return usage("%w (see webhookctl --help)", err)
	}
	err = command.Run()
	if name, _, _ := strings.Cut(command.Command(), " "); !slices.Contains(older, name) {
		err = plain(ctx, err)
	}
	return err
}
