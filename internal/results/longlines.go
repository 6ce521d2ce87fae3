package results

import (
	"context"
	"sync"
)

const (
	// maxOwn is what every Scanner may buffer: a longer line waits for its slot.
	// Pictures in results have two or three megabytes.
	maxOwn = 4 << 20
	// maxRead bounds what is read behind a long line along with its end, so that
	// it fits into the Scanner's own buffer.
	maxRead = 256 << 10
)

// LongLines bounds the memory of a process: of all Scanners that share it, one
// at a time holds a line of more than 4 MiB, from when it has read so much of
// it to the next Scan, so until its outcome is on its way. The others wait.
//
// Nobody waits for anything else while waiting for the slot, and the holder
// waits for storage and Pub/Sub alone, which have their timeouts.
type LongLines struct {
	slot   chan struct{} // holds one while somebody has the slot
	buffer sync.Pool     // *[]byte; the collector takes it when long lines are rare
}

// NewLongLines gives a slot that nobody has.
func NewLongLines() *LongLines { return &LongLines{slot: make(chan struct{}, 1)} }

// take waits for the slot until ctx is over, whose cause it returns.
func (l *LongLines) take(ctx context.Context) error {
	select {
	case l.slot <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// grow gives the holder of the slot a buffer of at least size bytes.
func (l *LongLines) grow(size int64) []byte {
	if kept, ok := l.buffer.Get().(*[]byte); ok && int64(len(*kept)) >= size {
		return *kept
	}
	return make([]byte, size)
}

// giveBack frees the slot.
func (l *LongLines) giveBack(buf []byte) {
	l.buffer.Put(&buf)
	<-l.slot
}
