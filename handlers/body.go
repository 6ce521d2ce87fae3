package handlers

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"golang.org/x/sync/semaphore"
)

var (
	errBodyTooLarge = errors.New("body over MAX_BODY_BYTES")
	errBodyLate     = errors.New("body did not arrive in time")
	errBodyBudget   = errors.New("too many bodies at once; lower the concurrency of an instance, or give it more memory and raise the number of instances")
)

const (
	bodyDeadline = 5 * time.Second // contract, "The public door"
	// staleBodyDeadline is how long a delivery with a timestamp out of range is
	// waited for: it is refused anyway, its body only tells whether it is genuine.
	staleBodyDeadline = 500 * time.Millisecond

	firstBodyBytes = 4 << 10  // most events are under 1 kB
	bodyBudget     = 32 << 20 // bytes of bodies held at once by an instance; queueing holds two more copies for a moment
)

// bodies reads request bodies under a common memory budget. A sender takes
// of it what has arrived, not what it announced, so that slow ones hold little.
type bodies struct {
	limit  int64 // bytes of one body
	budget *semaphore.Weighted
}

func newBodies(limit int64) *bodies {
	return &bodies{limit, semaphore.NewWeighted(max(bodyBudget, 4*limit))}
}

// read gives the raw body, or one of the errors above. The caller calls
// release when it is done with the body, whatever the error.
func (b *bodies) read(w http.ResponseWriter, r *http.Request, deadline time.Duration) (body []byte, release func(), err error) {
	var held int64
	release = func() { b.budget.Release(held) }
	if r.ContentLength > b.limit {
		return nil, release, errBodyTooLarge
	}
	// Not every ResponseWriter has deadlines (tests' recorder); a server's has.
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(deadline))

	for {
		if len(body) == cap(body) {
			// One byte more than is allowed tells a body that is too large.
			size := min(max(firstBodyBytes, 2*int64(cap(body))), b.limit+1)
			if r.ContentLength > 0 {
				size = min(size, r.ContentLength+1)
			}
			if grow := size - held; !b.budget.TryAcquire(grow) {
				return nil, release, errBodyBudget
			}
			held = size
			body = append(make([]byte, 0, size), body...)
		}
		n, err := r.Body.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		switch {
		case int64(len(body)) > b.limit:
			return nil, release, errBodyTooLarge
		case err == io.EOF:
			_ = control.SetReadDeadline(time.Time{})
			return body, release, nil
		case err != nil:
			return nil, release, fmt.Errorf("%w: %w", errBodyLate, err)
		}
	}
}
