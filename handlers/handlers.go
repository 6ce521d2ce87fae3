// Package handlers is what the two doors do: the public door verifies
// deliveries and queues them (Receiver), the private door works on what is
// queued (Processor), and Doors routes between them (SPEC.md).
//
// It knows no cloud client: the interfaces here are what it needs of them.
package handlers

import (
	"context"

	"example.com/gemini-webhook/internal/outcome"
)

// Kinds of queued work, the attribute that the queue's subscriptions filter by.
const (
	kindEvent = "event"
	kindRange = "range"
)

// Queue is the work queue.
type Queue interface {
	// Enqueue returns when all messages are acknowledged; an error means that
	// some may not be queued.
	Enqueue(ctx context.Context, kind string, messages ...[]byte) error
}

// Topic publishes single outcomes.
type Topic interface {
	// Publish returns when m is acknowledged.
	Publish(ctx context.Context, m outcome.Message) error
}

// Stream publishes many outcomes.
type Stream interface {
	// Publish hands m over, waiting while too much is under way; what it
	// returns waits for the acknowledgement.
	Publish(ctx context.Context, m outcome.Message) func(context.Context) error
}
