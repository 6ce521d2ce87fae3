package fake

import (
	"context"
	"sync"
)

// Background is the work that a server does beside its calls.
type Background struct {
	ctx    context.Context
	cancel context.CancelFunc

	mu      sync.Mutex // guards that nothing begins once Stop waits
	running sync.WaitGroup
}

// NewBackground is ready to Go.
func NewBackground() *Background {
	ctx, cancel := context.WithCancel(context.Background())
	return &Background{ctx: ctx, cancel: cancel}
}

// Context ends with Stop.
func (b *Background) Context() context.Context { return b.ctx }

// Go runs f, whose context ends with Stop; false after Stop.
func (b *Background) Go(f func(context.Context)) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ctx.Err() != nil {
		return false
	}
	b.running.Go(func() { f(b.ctx) })
	return true
}

// Stop ends the context and waits for what runs. Calling it again waits too.
func (b *Background) Stop() {
	b.mu.Lock()
	b.cancel()
	b.mu.Unlock()
	b.running.Wait()
}
