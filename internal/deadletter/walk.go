package deadletter

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

const (
	// pullMessages is how many messages are held at a time: of 10 MB at most each.
	pullMessages = 20
	// lease is how long a message stays away where this process is killed.
	lease = time.Minute
	// callTimeout bounds what an interruption does not stop: an answer that was lost
	// would keep its messages away until the subscription's deadline, ten minutes.
	callTimeout = 30 * time.Second
)

// How often Pub/Sub is asked again where it gives nothing, which promises nothing.
const (
	short = 5 // three seconds in all
	long  = 9 // 50 s: of messages that were there a moment ago
)

// visitor looks at messages that it has not seen.
type visitor struct {
	// see gives the ids of those that are to be taken away, with an error too, and
	// whether it wants more. Its context does not end with the walk's.
	see  func(ctx context.Context, messages []Message) (away []string, more bool, err error)
	gone func(id string) // is told of each that was taken away; nil where none is
}

// walk shows every message to a visitor, once, until several answers have had nothing
// new. Messages are leased meanwhile, so that they do not come again, and given back at
// the end, whatever it is.
func (b *Box) walk(ctx context.Context, patience int, v visitor) (err error) {
	l := &leases{subscription: b.Subscription, held: make(map[string]string), gone: make(map[string]bool)}
	stop := l.keep()
	defer func() {
		stop()
		err = errors.Join(err, l.giveBack())
	}()
	for nothing := 0; ; {
		if ctx.Err() != nil {
			return fmt.Errorf("interrupted: %w", context.Cause(ctx))
		}
		fresh, err := l.pull()
		if err != nil {
			return err
		}
		if len(fresh) == 0 {
			if nothing == patience {
				return nil
			}
			b.pause(ctx, nothing)
			nothing++
			continue
		}
		nothing = 0
		away, more, err := v.see(context.WithoutCancel(ctx), fresh)
		if failed := l.acknowledge(away); failed != nil {
			return errors.Join(err, failed)
		}
		for _, id := range away {
			v.gone(id)
		}
		if err != nil || !more {
			return err
		}
	}
}

// pause waits, longer each time.
func (b *Box) pause(ctx context.Context, n int) {
	first := b.Pause
	if first == 0 {
		first = 100 * time.Millisecond
	}
	select {
	case <-time.After(first << n):
	case <-ctx.Done():
	}
}

// leases are the messages that a walk has pulled.
type leases struct {
	subscription Subscription

	mu   sync.Mutex
	held map[string]string // ack ids by message id
	gone map[string]bool   // message ids that are acknowledged
}

// call gives a context that no interruption ends.
func call() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), callTimeout)
}

// pull takes messages and gives those that were not seen before.
func (l *leases) pull() (fresh []Message, err error) {
	ctx, cancel := call()
	defer cancel()
	messages, err := l.subscription.Pull(ctx, pullMessages)
	if err != nil {
		return nil, err
	}
	var again, ackIDs []string
	l.mu.Lock()
	for _, m := range messages {
		switch _, seen := l.held[m.ID]; {
		case l.gone[m.ID]: // Pub/Sub delivers at least once
			again = append(again, m.AckID)
			continue
		case !seen:
			fresh = append(fresh, m)
		}
		l.held[m.ID] = m.AckID
		ackIDs = append(ackIDs, m.AckID)
	}
	l.mu.Unlock()
	if err := l.subscription.Acknowledge(ctx, again); err != nil {
		return nil, err
	}
	return fresh, l.subscription.Extend(ctx, ackIDs, lease)
}

// acknowledge takes messages away.
func (l *leases) acknowledge(ids []string) error {
	ctx, cancel := call()
	defer cancel()
	ackIDs := make([]string, 0, len(ids))
	l.mu.Lock()
	for _, id := range ids {
		ackIDs = append(ackIDs, l.held[id])
	}
	l.mu.Unlock()
	if err := l.subscription.Acknowledge(ctx, ackIDs); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, id := range ids {
		delete(l.held, id)
		l.gone[id] = true
	}
	return nil
}

// keep extends the leases until it is stopped.
func (l *leases) keep() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		tick := time.NewTicker(lease / 3)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				// Where that fails messages come again, and are known.
				_ = l.subscription.Extend(ctx, l.ackIDs(), lease)
			}
		}
	})
	return func() { cancel(); running.Wait() }
}

func (l *leases) ackIDs() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Collect(maps.Values(l.held))
}

// giveBack ends the leases of all that was not taken away.
func (l *leases) giveBack() error {
	ctx, cancel := call()
	defer cancel()
	if err := l.subscription.Extend(ctx, l.ackIDs(), 0); err != nil {
		return fmt.Errorf("messages could not be given back, and come again by themselves within minutes: %w", err)
	}
	return nil
}
