package devserver

import (
	"context"
	"sync"
)

// pending is how many numbers wait for a reader before one is left out.
const pending = 1024

// changes tells readers what is new, and never waits for one.
type changes struct {
	mu      sync.Mutex
	readers map[chan int64]*bool // whether a 0 is the last that waits
}

func newChanges() *changes { return &changes{readers: make(map[chan int64]*bool)} }

// tell tells all readers. One place of each channel is kept for the 0 that says that
// something is left out.
func (c *changes) tell(seqs ...int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for reader, lost := range c.readers {
		for _, seq := range seqs {
			switch {
			case len(reader) < pending:
				reader <- seq
				*lost = false
			case !*lost:
				reader <- 0
				*lost = true
			}
		}
	}
}

// read gives a channel that ends with ctx.
func (c *changes) read(ctx context.Context) <-chan int64 {
	reader := make(chan int64, pending+1)
	c.mu.Lock()
	c.readers[reader] = new(bool)
	c.mu.Unlock()
	context.AfterFunc(ctx, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.readers, reader)
		close(reader)
	})
	return reader
}
