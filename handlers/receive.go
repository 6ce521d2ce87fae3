package handlers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"golang.org/x/sync/singleflight"

	"example.com/gemini-webhook/internal/event"
	"example.com/gemini-webhook/internal/trace"
	"example.com/gemini-webhook/verify"
)

// PublishTimeout is what Pub/Sub gets (contract, status 503); Gemini wants an
// answer within a few seconds.
const PublishTimeout = 4 * time.Second

// Verifier tells whether a delivery is genuine; one that is but stale is a
// verify.StaleError.
type Verifier interface {
	Verify(ctx context.Context, escapedPath string, h verify.Headers, body []byte) (verify.Proof, error)
}

// Queue is the work queue.
type Queue interface {
	// Enqueue returns when all messages are acknowledged; an error means that
	// some may not be queued.
	Enqueue(ctx context.Context, kind string, messages ...[]byte) error
}

// ReceiverConfig is what a Receiver needs.
type ReceiverConfig struct {
	Verifier        Verifier
	Queue           Queue
	ReplayTolerance time.Duration
	MaxBodyBytes    int64
	Now             func() time.Time
	Log             *slog.Logger
}

// Receiver is the public door: it verifies a delivery, queues it and answers
// 200 when Pub/Sub has acknowledged it (contract, "The public door"). It does
// not look into the event: whatever the body says, once the signature is good
// the answer is 200 or 503.
type Receiver struct {
	ReceiverConfig
	bodies   *bodies
	queueing singleflight.Group // by deliveryID
	seen     seen
	refusals refusals
}

// NewReceiver gives the public door.
func NewReceiver(c ReceiverConfig) *Receiver {
	return &Receiver{ReceiverConfig: c, bodies: newBodies(c.MaxBodyBytes)}
}

var errQueue = errors.New("the work queue did not take the delivery")

// result is what a delivery came to: one log line and one answer.
type result struct {
	headers verify.Headers
	proof   verify.Proof
	bytes   int
	note    string // what an operator wants to know besides
	err     error
}

// ServeHTTP answers one delivery, a POST.
func (rc *Receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := rc.Now()
	res := rc.receive(w, r)
	rc.answer(w, res.err)
	rc.log(r, res, rc.Now().Sub(start))
}

// maxURIBytes bounds path and query as they were sent: RFC 9110 wants 8000 to be
// accepted, and looking at 64 KiB of slashes took 13 ms.
const maxURIBytes = 8 << 10

var errURITooLong = fmt.Errorf("path and query over %d bytes", maxURIBytes)

// receive checks a delivery, cheapest first, and queues it.
func (rc *Receiver) receive(w http.ResponseWriter, r *http.Request) (res result) {
	if len(r.RequestURI) > maxURIBytes {
		res.err = errURITooLong
		return res
	}
	if res.headers, res.err = verify.ParseHeaders(r.Header); res.err != nil {
		return res
	}
	deadline := bodyDeadline
	stale := res.headers.CheckTime(rc.Now(), rc.ReplayTolerance)
	if stale != nil {
		deadline = staleBodyDeadline
	}
	body, release, err := rc.bodies.read(w, r, deadline)
	defer release()
	res.bytes = len(body)
	if err != nil {
		res.err = errors.Join(stale, err)
		return res
	}
	res.proof, res.err = rc.Verifier.Verify(r.Context(), r.URL.EscapedPath(), res.headers, body)
	if stale, ok := errors.AsType[*verify.StaleError](res.err); ok {
		res.proof = stale.Proof
		res.note = noteStale
	}
	if res.err != nil {
		return res
	}
	if res.proof.Event != "" { // what was signed is the event, not the body
		body = []byte(res.proof.Event)
	}
	return rc.queue(r, res, body)
}

// queue publishes a verified delivery, unless this instance just did.
func (rc *Receiver) queue(r *http.Request, res result, body []byte) result {
	// Path and traceparent are not signed, so whoever replays a delivery chooses
	// them: they make no other delivery, and those of the first one are queued. An
	// event's identity does not have them either, so this keeps nothing back.
	id := deliveryOf(res.headers.ID, res.proof.Mode, res.proof.Origin, res.proof.Signer, string(body))
	queued := false
	// Those that come while the first one is being queued share what becomes of it.
	_, res.err, _ = rc.queueing.Do(string(id[:]), func() (any, error) {
		if rc.seen.has(id, rc.Now()) {
			return nil, nil
		}
		queued = true
		return nil, rc.enqueue(r, res, body, id)
	})
	if res.err == nil && !queued {
		res.note = noteRepeat
	}
	return res
}

func (rc *Receiver) enqueue(r *http.Request, res result, body []byte, id deliveryID) error {
	d := event.Delivery{
		ID:          res.headers.ID,
		ReceivedAt:  rc.Now(),
		Mode:        res.proof.Mode,
		Scheme:      res.proof.Scheme,
		Origin:      res.proof.Origin,
		Signer:      res.proof.Signer,
		Path:        event.PublicPath(r.URL.EscapedPath()),
		Traceparent: trace.Traceparent(r.Header),
	}
	// The sender may hang up; what is verified is queued all the same.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), PublishTimeout)
	defer cancel()
	if err := rc.Queue.Enqueue(ctx, event.Kind, event.Encode(d, body)); err != nil {
		return fmt.Errorf("%w: %w", errQueue, err)
	}
	rc.seen.add(id, rc.Now())
	return nil
}
