// Package stall ends reads that wait for data for too long: neither Go's HTTP
// client nor Google's bounds the time between two pieces of a body.
package stall

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// Timeout is how long a read may give no byte before it counts as broken; the
// clients' own retries happen inside it.
const Timeout = 30 * time.Second

// Err is the cause of a read that was ended.
var Err = errors.New("no data")

// Watch bounds the waits of one download.
type Watch struct {
	ctx     context.Context
	cancel  context.CancelCauseFunc
	timeout time.Duration
}

// New gives a Watch and the context that the download has to use. A download
// that does not come to a Body calls Stop.
func New(ctx context.Context, timeout time.Duration) (context.Context, *Watch) {
	ctx, cancel := context.WithCancelCause(ctx)
	return ctx, &Watch{ctx, cancel, timeout}
}

// Wait runs f, such as the opening of a body, and cancels the context if that
// takes longer than the timeout; its error is the cause then, as Err is.
func (w *Watch) Wait(f func() error) error {
	timer := time.AfterFunc(w.timeout, func() { w.cancel(fmt.Errorf("%w for %v", Err, w.timeout)) })
	err := f()
	timer.Stop()
	if cause := context.Cause(w.ctx); cause != nil && err != nil && err != io.EOF {
		return cause
	}
	return err
}

// Stop releases the context.
func (w *Watch) Stop() { w.cancel(nil) }

// Body gives body with each of its reads bounded; what its reader does between
// them is no stall. Close stops the Watch.
func (w *Watch) Body(body io.ReadCloser) io.ReadCloser { return &watched{w, body} }

type watched struct {
	watch *Watch
	body  io.ReadCloser
}

func (b *watched) Read(p []byte) (n int, err error) {
	err = b.watch.Wait(func() error {
		n, err = b.body.Read(p)
		return err
	})
	return n, err
}

func (b *watched) Close() error {
	b.watch.Stop()
	return b.body.Close()
}
