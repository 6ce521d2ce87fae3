package stall

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"
)

// silent is a body that gives a byte a read until its context is over, each
// after a pause.
type silent struct {
	ctx    context.Context
	pauses []time.Duration
	closed bool
}

func (s *silent) Read(p []byte) (int, error) {
	if len(s.pauses) == 0 {
		return 0, io.EOF
	}
	pause := s.pauses[0]
	s.pauses = s.pauses[1:]
	select {
	case <-time.After(pause):
		p[0] = 'x'
		return 1, nil
	case <-s.ctx.Done():
		return 0, s.ctx.Err()
	}
}

func (s *silent) Close() error {
	s.closed = true
	return nil
}

func TestBody(t *testing.T) {
	t.Parallel()
	const timeout, still, long = time.Minute, 59 * time.Second, 61 * time.Second
	gone := errors.New("the caller is gone")
	for name, test := range map[string]struct {
		pauses []time.Duration
		reader time.Duration // what the reader does between two reads
		leaves time.Duration // when the caller does; 0: never
		bytes  int
		err    error
	}{
		"in time":              {pauses: []time.Duration{0, still, still}, bytes: 3},
		"a stall":              {pauses: []time.Duration{still, long, 0}, bytes: 1, err: Err},
		"a reader with time":   {pauses: []time.Duration{still, still}, reader: time.Hour, bytes: 2},
		"a caller that leaves": {pauses: []time.Duration{still, still}, leaves: 90 * time.Second, bytes: 1, err: gone},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				caller, leave := context.WithCancelCause(t.Context())
				defer leave(nil)
				if test.leaves > 0 {
					time.AfterFunc(test.leaves, func() { leave(gone) })
				}
				ctx, watch := New(caller, timeout)
				inner := &silent{ctx: ctx, pauses: test.pauses}
				body := watch.Body(inner)
				n, err := 0, error(nil)
				for err == nil {
					var got int
					got, err = body.Read(make([]byte, 1))
					n += got
					time.Sleep(test.reader)
				}
				if err == io.EOF {
					err = nil
				}
				if n != test.bytes || !errors.Is(err, test.err) || test.err == nil && err != nil {
					t.Errorf("%d bytes, %v, want %d, %v", n, err, test.bytes, test.err)
				}
				if err := body.Close(); err != nil || !inner.closed || ctx.Err() == nil {
					t.Errorf("closed: %v, the body %v, the context %v", err, inner.closed, ctx.Err())
				}
			})
		})
	}
}

// What is waited for before there is a body is bounded, too.
func TestWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, watch := New(t.Context(), time.Minute)
		defer watch.Stop()
		refused := errors.New("refused")
		if err := watch.Wait(func() error { return refused }); err != refused {
			t.Errorf("got %v, want what was said", err)
		}
		err := watch.Wait(func() error { <-ctx.Done(); return ctx.Err() })
		if !errors.Is(err, Err) || err.Error() != "no data for 1m0s" {
			t.Errorf("got %v, want that it stalled", err)
		}
	})
}
