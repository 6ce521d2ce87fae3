// Command demo runs the receiver's main jobs on the embedded cloud and shows what
// happens: batches, a video and an interaction of the Gemini simulator, their signed
// webhooks, what is fetched and copied, the lines on Pub/Sub; batches of which no event
// comes, a retry of lines that failed; then deliveries that must be refused, and a
// rotation of the signing secret. The exit status is 0 only if everything came
// out as the contract says.
//
//	demo          ends by itself
//	demo -keep    stays, and prints how to talk to it
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	if isReconcile() {
		serveReconcile()
	}
	keep := flag.Bool("keep", false, "leave everything running and print addresses, environment and a signed curl")
	requests := flag.Int("requests", 5000, "requests in the batch")
	flag.Parse()
	log.SetOutput(io.Discard) // where the SDK says what its next release renames
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	d := &demo{screen: newScreen(os.Stdout), requests: *requests}
	err := d.run(ctx)
	d.screen.table()
	if err == nil && *keep {
		d.printAddresses()
		<-ctx.Done()
	}
	d.close()
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	case d.screen.failed > 0:
		os.Exit(1)
	}
}
