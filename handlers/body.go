package handlers

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"time"
)

// What a sender can do wrong with its body (contract, "The public door"), and what
// is wrong with us.
var (
	errBodyTooLarge = errors.New("body over MAX_BODY_BYTES")
	errBodyLate     = errors.New("body did not arrive in time")
	errBodyYielded  = fmt.Errorf("%w: it was slow and the memory for bodies was wanted", errBodyLate)
	errBodyBroken   = errors.New("body cannot be read to its end")
	errBodyBudget   = errors.New("too many bodies at once; lower the concurrency of an instance, or give it more memory and raise the number of instances")
)

const (
	bodyDeadline = 5 * time.Second // contract, "The public door"
	// staleBodyDeadline is how long a delivery with a timestamp out of range is
	// waited for: it is refused anyway, its body only tells whether it is genuine.
	staleBodyDeadline = 500 * time.Millisecond

	firstBodyBytes = 4 << 10  // most events are under 1 kB
	bodyBudget     = 32 << 20 // bytes of bodies held at once by an instance, four of the largest there are; queueing holds two more copies for a moment
)

// bodies reads request bodies under a common memory budget. A sender takes of it
// what has arrived, up to twice, and not what it announced. Where the budget is
// used up, the body that has used most of it, in bytes and time, makes room: a
// few that are large and slow do not keep out those that come and go.
type bodies struct {
	limit  int64 // bytes of one body
	budget int64 // bytes of all

	mu      sync.Mutex
	held    int64
	arrives map[*intake]struct{} // those that may be told to make room
}

// intake is a body that arrives.
type intake struct {
	since time.Time
	stop  func() // ends the read that waits

	// Under bodies.mu.
	held    int64
	yielded bool // its memory was given to another
}

// used is what a body of so many bytes has had of the budget, in byte-seconds.
func (in *intake) used(bytes int64, now time.Time) float64 {
	return float64(bytes) * now.Sub(in.since).Seconds()
}

func newBodies(limit int64) *bodies {
	return &bodies{limit: limit, budget: bodyBudget, arrives: map[*intake]struct{}{}}
}

// read gives the raw body, or one of the errors above. The caller calls
// release when it is done with the body, whatever the error.
func (b *bodies) read(w http.ResponseWriter, r *http.Request, deadline time.Duration) (body []byte, release func(), err error) {
	// Not every ResponseWriter has deadlines (tests' recorder); a server's has.
	control := http.NewResponseController(w)
	in := &intake{since: time.Now(), stop: func() { _ = control.SetReadDeadline(time.Unix(1, 0)) }}
	release = func() { b.release(in) }
	if r.ContentLength > b.limit {
		return nil, release, errBodyTooLarge
	}
	_ = control.SetReadDeadline(in.since.Add(deadline))
	body, err = b.readAll(in, r)
	if b.end(in) {
		err = errBodyYielded
	}
	if err != nil {
		return nil, release, err
	}
	_ = control.SetReadDeadline(time.Time{})
	return body, release, nil
}

func (b *bodies) readAll(in *intake, r *http.Request) (body []byte, err error) {
	for {
		if len(body) == cap(body) {
			// One byte more than is allowed tells a body that is too large.
			size := min(max(firstBodyBytes, 2*int64(cap(body))), b.limit+1)
			if r.ContentLength > 0 {
				size = min(size, r.ContentLength+1)
			}
			if !b.take(in, size) {
				return nil, errBodyBudget
			}
			body = append(make([]byte, 0, size), body...)
		}
		n, err := r.Body.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		switch {
		case int64(len(body)) > b.limit:
			return nil, errBodyTooLarge
		case err == io.EOF:
			return body, nil
		case errors.Is(err, os.ErrDeadlineExceeded):
			return nil, errBodyLate
		case err != nil:
			return nil, fmt.Errorf("%w: %w", errBodyBroken, err)
		}
	}
}

// take lets a body have size bytes in all, and makes others yield for it that
// have had more of the budget. It says whether there are as many.
func (b *bodies) take(in *intake, size int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	for !in.yielded && b.held+size-in.held > b.budget {
		most, used := (*intake)(nil), in.used(size, now)
		for other := range b.arrives {
			if u := other.used(other.held, now); other != in && u > used {
				most, used = other, u
			}
		}
		if most == nil {
			return false
		}
		b.give(most)
		most.yielded = true
		most.stop()
	}
	if in.yielded {
		return false
	}
	b.held += size - in.held
	in.held = size
	b.arrives[in] = struct{}{}
	return true
}

// end says that a body arrives no more, and whether it had to yield: from then on
// nothing stops what its connection reads.
func (b *bodies) end(in *intake) (yielded bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.arrives, in)
	return in.yielded
}

func (b *bodies) release(in *intake) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.give(in)
}

// give returns what a body holds; b.mu is held.
func (b *bodies) give(in *intake) {
	b.held -= in.held
	in.held = 0
	delete(b.arrives, in)
}
