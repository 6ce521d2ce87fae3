// Command pull is a worker that pulls outcomes from Pub/Sub: it keeps each once, and
// prints a line of JSON when a batch is complete.
//
// It pulls from SUBSCRIPTIONS, ids with commas between them, of GOOGLE_CLOUD_PROJECT: one of
// the topic of results and one of that of all other outcomes, unless these are the same
// topic. It keeps outcomes in STORE_DIR.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"log"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"cloud.google.com/go/pubsub/v2"
	"golang.org/x/sync/errgroup"

	"example.com/gemini-webhook/examples/consumer/go/keep"
	"example.com/gemini-webhook/outcomes"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		log.Fatal("pull: ", err)
	}
}

func run(ctx context.Context) error {
	keeper, err := keep.New(ctx, keep.Files(os.Getenv("STORE_DIR")), func(r keep.Report) { _ = json.NewEncoder(os.Stdout).Encode(r) })
	if err != nil {
		return err
	}
	client, err := pubsub.NewClient(ctx, os.Getenv("GOOGLE_CLOUD_PROJECT"))
	if err != nil {
		return err
	}
	defer client.Close()
	group, ctx := errgroup.WithContext(ctx)
	for id := range strings.SplitSeq(os.Getenv("SUBSCRIPTIONS"), ",") {
		subscriber := client.Subscriber(id)
		subscriber.ReceiveSettings.MaxOutstandingMessages = 100
		subscriber.ReceiveSettings.MaxOutstandingBytes = 100 << 20 // a result may have 9 MiB
		// Receive ends with ctx, when what is under way is kept and acknowledged.
		group.Go(func() error {
			return subscriber.Receive(ctx, func(ctx context.Context, m *pubsub.Message) { receive(ctx, keeper, m) })
		})
	}
	return group.Wait()
}

// receive acknowledges a message when it is kept. One that is not acknowledged comes again;
// a dead letter policy of the subscription ends that.
func receive(ctx context.Context, keeper *keep.Keeper, m *pubsub.Message) {
	err := keeper.Keep(ctx, m.Data)
	switch {
	case err == nil:
		m.Ack()
	case errors.Is(err, outcomes.ErrMalformed): // and will be next time: not the receiver's
		log.Printf("message %s is passed over: %v", m.ID, err)
		m.Ack()
	default: // the store's trouble, or ErrVersion until this program is a newer one
		log.Printf("message %s comes again: %v", m.ID, err)
		m.Nack()
	}
}
