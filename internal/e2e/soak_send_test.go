package e2e

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"example.com/gemini-webhook/verify/verifytest"
)

// clock is a sender's, which steps.
type clock struct{ offset atomic.Int64 }

func (c *clock) now() time.Time          { return time.Now().Add(time.Duration(c.offset.Load())) }
func (c *clock) step(from time.Duration) { c.offset.Store(int64(from)) }

// request is a delivery as it went over the wire.
type request struct {
	url      string
	header   http.Header
	body     []byte
	resource string
	stamp    time.Time
}

func (r *request) id() string { return r.header.Get("webhook-id") }

// static: signed with a signing secret, not with Google's keys.
func (r *request) static() bool { return strings.HasPrefix(r.header.Get("webhook-signature"), "v1,") }

func (r *request) v1a() bool { return strings.HasPrefix(r.header.Get("webhook-signature"), "v1a,") }

// signedEvent finds a JWT that carries the event. One that does not says nothing
// about the body.
func (r *request) signedEvent() bool {
	_, rest, _ := strings.Cut(r.header.Get("webhook-signature"), ".")
	payload, _, _ := strings.Cut(rest, ".")
	claims, _ := base64.RawURLEncoding.DecodeString(payload) // else it is no JWT
	return bytes.Contains(claims, []byte(`"data"`))
}

// kept is how many accepted deliveries the wire remembers.
const kept = 200

// wire is what Gemini sends through. It enters every answer into the books, and
// can send what it sent before.
type wire struct {
	books *books
	base  *http.Transport
	twins atomic.Int64 // attempts that were made twice at the same time
	lost  atomic.Int64 // deliveries that did not arrive, see lostShare
	gone  gone

	mu       sync.Mutex
	latest   []request // accepted ones, at random places
	finished bool      // nothing new is to begin
	work     sync.WaitGroup
}

func newWire(b *books) *wire { return &wire{books: b, base: &http.Transport{MaxIdleConnsPerHost: 16}} }

func (w *wire) client() *http.Client { return &http.Client{Transport: w} }

// begin does something beside the run.
func (w *wire) begin(work func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.finished {
		w.work.Go(work)
	}
}

// finish waits for what has begun; nothing begins any more.
func (w *wire) finish() {
	w.mu.Lock()
	w.finished = true
	w.mu.Unlock()
	w.work.Wait()
}

// twinShare of the attempts of Gemini are sent twice at the same time.
const twinShare = 0.05

// RoundTrip implements http.RoundTripper for the simulator.
func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	q := request{url: r.URL.String(), header: r.Header.Clone(), body: body, resource: resourceOf(body)}
	seconds, _ := strconv.ParseInt(q.header.Get("webhook-timestamp"), 10, 64) // the simulator's own
	q.stamp = time.Unix(seconds, 0)
	if name, ok := strings.CutPrefix(q.id(), "msg_"+forgedName); ok {
		return w.stranger(r, forgedName+name, body)
	}
	switch {
	case lost(q.resource):
		w.lost.Add(1)
		return standIn(r, http.StatusOK), nil
	case w.gone.takes(r.URL.Path):
		return standIn(r, http.StatusGone), nil
	}
	if rand.Float64() < twinShare {
		w.begin(func() {
			w.twins.Add(1)
			ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), 10*time.Second)
			defer cancel()
			_, _ = w.send(ctx, r, &q) // one of several attempts
		})
	}
	return w.send(r.Context(), r, &q)
}

// resourceOf is the data.id of an event's body.
func resourceOf(body []byte) string {
	var e struct{ Data struct{ ID string } }
	_ = json.Unmarshal(body, &e) // the simulator's own
	return e.Data.ID
}

// send makes one attempt.
func (w *wire) send(ctx context.Context, template *http.Request, q *request) (*http.Response, error) {
	r := template.Clone(ctx)
	r.Body = io.NopCloser(bytes.NewReader(q.body))
	before := time.Since(q.stamp)
	resp, a, err := w.read(r)
	w.books.attempted(q.id(), q.resource, a, before, time.Since(q.stamp))
	if a.status == http.StatusOK {
		w.keep(*q)
	}
	return resp, err
}

// read makes a request and reads the answer, which can be read again.
func (w *wire) read(r *http.Request) (*http.Response, answer, error) {
	resp, err := w.base.RoundTrip(r)
	if err != nil {
		return nil, answer{}, err
	}
	a, err := answerOf(resp)
	if err != nil {
		return nil, answer{}, err
	}
	return resp, a, nil
}

// stranger delivers somebody else's job. After a definite answer the
// attempt is answered 410, or it would go on for a day.
func (w *wire) stranger(r *http.Request, name string, body []byte) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Body = io.NopCloser(bytes.NewReader(body))
	resp, a, err := w.read(r)
	if err == nil && w.books.judged(kindOfForged(name), name, a.status) {
		resp.StatusCode = http.StatusGone
	}
	return resp, err
}

func (w *wire) keep(q request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.latest) < kept {
		w.latest = append(w.latest, q)
		return
	}
	w.latest[rand.IntN(kept)] = q
}

// some gives up to n accepted deliveries in no order, whose timestamps are good
// for a while.
func (w *wire) some(n int, like func(*request) bool) (found []request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, i := range rand.Perm(len(w.latest)) {
		q := w.latest[i]
		if len(found) < n && time.Since(q.stamp).Abs() < tolerance-time.Minute && like(&q) {
			found = append(found, q)
		}
	}
	return found
}

// redelivered counts answers to deliveries that were made again, byte for byte.
type redelivered struct {
	accepted, unanswered, refused atomic.Int64 // refused: signed with a key that Google has withdrawn
	staticRefused                 atomic.Int64 // never
}

// redeliver sends up to n accepted deliveries again, in another order, each of
// them three times at once.
func (s *soak) redeliver(n int) {
	for _, q := range s.wire.some(n, func(*request) bool { return true }) {
		for range 3 {
			s.wire.begin(func() {
				a, err := s.post(&q)
				switch count := &s.again; {
				case err != nil || a.status == http.StatusServiceUnavailable:
					count.unanswered.Add(1)
				case a.status == http.StatusOK:
					count.accepted.Add(1)
				case q.static():
					count.staticRefused.Add(1)
				default:
					count.refused.Add(1)
				}
			})
		}
	}
}

// post sends a delivery once, by hand, and enters the answer.
func (s *soak) post(q *request) (answer, error) {
	before := time.Since(q.stamp)
	a, err := trySend(s.t, http.MethodPost, q.url, q.header.Clone(), string(q.body))
	s.books.attempted(q.id(), q.resource, a, before, time.Since(q.stamp))
	return a, err
}

// announceAtEdges sends deliveries with timestamps at both ends of the tolerance.
// Within it they must be accepted. Outside they must be refused, and are sent
// again with a fresh timestamp, as Gemini does.
func (s *soak) announceAtEdges() {
	for _, offset := range []time.Duration{edge - tolerance, tolerance - edge, -tolerance - edge, tolerance + edge} {
		resource, secret := s.name(), s.secret // which may be rotated meanwhile
		body := []byte(interaction(resource))
		s.books.announce(resource, announced{kind: "timestamp at the edge", mode: "static", outcome: "interaction.completed"})
		s.wire.begin(func() {
			s.insist(func() bool {
				stamp := time.Now().Add(offset)
				a, err := s.post(&request{
					url: s.url() + hookPath, header: verifytest.Static(secret, "msg_"+resource, stamp, body),
					body: body, resource: resource, stamp: stamp.Truncate(time.Second),
				})
				if err == nil && a.word == "timestamp_out_of_range" && offset.Abs() > tolerance {
					offset = 0
				}
				return err == nil && a.status == http.StatusOK
			})
		})
	}
}

// edge is how near: a machine that is busy for longer refuses what was within
// when it was sent, and gets it again.
const edge = 5 * time.Second

// insist tries until it is done; what never is shows in the ledger.
func (s *soak) insist(done func() bool) {
	for end := time.Now().Add(2 * time.Minute); !done() && time.Now().Before(end); {
		select {
		case <-time.After(50 * time.Millisecond):
		case <-s.t.Context().Done():
			return
		}
	}
}
