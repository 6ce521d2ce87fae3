package gemini

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

const (
	userAgent        = "gemini-webhook-simulator"
	minPause         = 5 * time.Millisecond // real time between attempts, so that a large TimeScale does not make a flood
	deliveryTimeout  = 5 * time.Second      // for an answer, in real time
	maxConcurrent    = 16                   // attempts under way
	maxHistory       = 10_000               // attempts remembered
	maxResponseBytes = 64 << 10             // read of an answer, to reuse its connection
)

// destination is where a message goes: to a registered webhook, or to a URI of a job's webhook_config.
type destination struct {
	hookID     string
	regardless bool // of the webhook's state

	uri    string // instead of hookID; its path may hold a token, so it is never logged or shown
	scheme Scheme
}

// message is one event on its way to one destination: what stays the same over its attempts.
type message struct {
	destination
	id, eventType string
	body          []byte
	n             uint64 // names its random numbers
}

// newMessage makes a message with an id of its own, unless one is given; s.mu must be held.
func (s *Server) newMessage(to destination, eventType string, body []byte, id string) message {
	fresh := "msg_" + s.drawUUID("message")
	if id == "" {
		id = fresh
	}
	return message{destination: to, id: id, eventType: eventType, body: body, n: s.counters["message"]}
}

// deliveryClient is the caller's client, or one without proxy; either follows no redirects.
func deliveryClient(opts Options) *http.Client {
	client := http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: maxConcurrent, IdleConnTimeout: 30 * time.Second}}
	if opts.HTTPClient != nil {
		client = *opts.HTTPClient
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &client
}

// verdict is what came of one attempt.
type verdict int

const (
	delivered verdict = iota // a 2xx
	failed                   // any other answer, or none
	held                     // not sent: the webhook is disabled
	gone                     // nothing more to be sent: the webhook is deleted, a URI answered 410, or the server is closing
)

// deliver begins the delivery in the background: attempts with exponential backoff until a 2xx, for 24 simulated hours.
// False if the server is not running.
func (s *Server) deliver(m message) bool {
	return s.background.Go(func(ctx context.Context) {
		if s.loses(m) {
			return
		}
		rng := s.random("delivery", m.n)
		duplicate := rng.Float64() < s.opts.DuplicateShare
		pause := s.opts.RetryBase
		attempts := 0
		for begin := time.Now(); time.Since(begin) < s.scaled(day); {
			switch s.attempt(ctx, m, attempts+1) {
			case delivered:
				if duplicate && sleep(ctx, s.pause(s.opts.RetryBase, rng)) {
					s.attempt(ctx, m, attempts+2)
				}
				return
			case failed:
				attempts++
			case gone:
				return
			}
			if !sleep(ctx, s.pause(pause, rng)) {
				return
			}
			pause = min(2*pause, s.opts.RetryMax)
		}
		s.opts.Log.Warn("gemini delivery given up after 24 h", "webhook", m.hookID, "id", m.id)
	})
}

// pause is a backoff in real time, with a fifth of jitter either way.
func (s *Server) pause(d time.Duration, rng *rand.Rand) time.Duration {
	return max(minPause, s.scaled(time.Duration(float64(d)*(0.8+0.4*rng.Float64()))))
}

// target is where one attempt goes and how it is signed, as the webhook or Google's keys stand at that moment.
type target struct {
	uri    string
	at     time.Time
	scheme Scheme
	signer signer
}

// target reads the webhook; the verdict is held or gone where nothing is to be sent, else delivered.
func (s *Server) target(m message) (target, verdict) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.opts.Now()
	if m.uri != "" {
		index := s.random("key", m.n).IntN(ed25519Keys)
		return target{m.uri, now, m.scheme, dynamicSigner{s.keys, m.scheme, index, s.opts.Claims}}, delivered
	}
	hook, err := s.webhooks.find(m.hookID)
	if err != nil {
		return target{}, gone
	}
	if hook.state != stateEnabled && !m.regardless {
		return target{}, held
	}
	return target{hook.uri, now, SchemeHMAC, newStaticSigner(hook.ring, s.opts.Signing, now)}, delivered
}

// attempt sends the message once, as soon as there is room, and records what came of it.
func (s *Server) attempt(ctx context.Context, m message, number int) verdict {
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	case <-ctx.Done():
		return gone
	}
	t, verdict := s.target(m)
	if verdict != delivered {
		return verdict
	}
	begin := time.Now()
	status, err := s.post(ctx, m, t)
	if ctx.Err() != nil {
		return gone // no verdict on the webhook
	}
	s.record(Delivery{
		WebhookID: m.hookID, ID: m.id, Attempt: number, EventType: m.eventType, Scheme: t.scheme,
		At: t.at, Status: status, Err: err, Duration: time.Since(begin),
	})
	switch {
	case status/100 == 2:
		return delivered
	case status == http.StatusGone && m.uri != "": // a registered webhook was disabled by record
		return gone
	}
	return failed
}

func (s *Server) post(ctx context.Context, m message, t target) (int, error) {
	signature, err := t.signer.sign(m.id, t.at, m.body)
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, deliveryTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, t.uri, bytes.NewReader(m.body))
	if err != nil {
		return 0, errors.New("gemini: the webhook's uri cannot be requested; give another one")
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", userAgent)
	req.Header.Set("webhook-id", m.id)
	req.Header.Set("webhook-timestamp", strconv.FormatInt(t.at.Unix(), 10))
	req.Header.Set("webhook-signature", signature)
	resp, err := s.client.Do(req)
	if err != nil {
		var withURL *url.Error // its text has the URL, which may be a secret in itself
		if errors.As(err, &withURL) {
			err = withURL.Err
		}
		return 0, err
	}
	defer resp.Body.Close()
	io.Copy(io.Discard, io.LimitReader(resp.Body, maxResponseBytes))
	return resp.StatusCode, nil
}

// record counts the outcome and disables a webhook that failed too often.
func (s *Server) record(d Delivery) {
	s.mu.Lock()
	if hook, err := s.webhooks.find(d.WebhookID); err == nil {
		if d.Status/100 == 2 {
			hook.failures = 0
		} else {
			hook.failures++
			limit := s.opts.DisableAfter
			if hook.state == stateEnabled && (d.Status == http.StatusGone || limit > 0 && hook.failures >= limit) {
				s.disable(hook)
				s.opts.Log.Warn("gemini webhook disabled after failed deliveries", "webhook", hook.id, "failures", hook.failures)
			}
		}
	}
	if len(s.history) == maxHistory {
		s.history = s.history[:copy(s.history, s.history[maxHistory/10:])]
	}
	s.history = append(s.history, d)
	s.mu.Unlock()
	s.opts.Log.Info("gemini delivery", "webhook", d.WebhookID, "id", d.ID, "attempt", d.Attempt, "type", d.EventType,
		"scheme", d.Scheme, "status", d.Status, "error", d.Err, "duration", d.Duration)
}

// Deliveries is the history of attempts, the oldest first; of more than 10,000 the oldest are forgotten.
func (s *Server) Deliveries() []Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Delivery(nil), s.history...)
}
