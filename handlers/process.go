package handlers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"example.com/gemini-webhook/internal/trace"
	"example.com/gemini-webhook/internal/work"
	"example.com/gemini-webhook/verify"
)

// maxEnvelopeBytes bounds a push request: a message of at most 10 MB in
// base64, its attributes, and what stands around them.
const maxEnvelopeBytes = 16 << 20

// PushTokens checks who calls the tasks door.
type PushTokens interface {
	Verify(ctx context.Context, authorization []string) error
}

// Worker does what is queued.
type Worker interface {
	// Do does one message, and says what it was about where that is known. Without
	// an error the work is finished or handed on.
	Do(ctx context.Context, m work.Message) (work.About, error)
}

// Processor is the tasks door: it passes on what Pub/Sub pushes, and answers
// for it (contract, "The private door").
//
// Acknowledgement policy: 204 is said only of work that is finished or handed
// on. Everything else is an error, and Pub/Sub delivers the message again,
// with back-off, until it goes to the dead letters: no error is permanent
// here, because a redrive after a repair must find the message.
type Processor struct {
	Tokens PushTokens
	Worker Worker
	Now    func() time.Time
	Log    *slog.Logger

	refusals refusals // of pushes; with both doors open, strangers can send some
}

// envelope is Pub/Sub's wrapped push format.
type envelope struct {
	Message *struct {
		Data       []byte            `json:"data"` // base64
		Attributes map[string]string `json:"attributes"`
		MessageID  string            `json:"messageId"`
		Published  string            `json:"publishTime"` // RFC 3339
	} `json:"message"`
	DeliveryAttempt int `json:"deliveryAttempt"` // counts from 1; 0 without a dead letter policy
}

var errNotEnvelope = errors.New("not a Pub/Sub push envelope; the subscription must push wrapped messages")

// ServeHTTP answers one push, a POST to /tasks/process.
func (p *Processor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := p.Now()
	var m work.Message
	var about work.About
	err := p.Tokens.Verify(r.Context(), r.Header.Values("Authorization"))
	if err == nil {
		m, err = readEnvelope(w, r)
	}
	if err == nil {
		about, err = p.Worker.Do(r.Context(), m)
	}

	status := pushStatus(err)
	if status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", retryAfter)
	}
	if err != nil {
		refuse(w, status)
	} else {
		w.WriteHeader(status)
	}
	p.log(trace.With(r.Context(), about.Trace), status, err,
		"kind", m.Kind, "event_key", about.Key, "message_id", m.ID, "attempt", m.Attempt, "duration_ms", p.Now().Sub(start).Milliseconds())
}

// log writes the one line of a push, but for refusals beyond a limit.
func (p *Processor) log(ctx context.Context, status int, err error, attrs ...any) {
	switch {
	case err == nil:
		p.Log.InfoContext(ctx, "task done", attrs...)
	case errors.Is(err, work.ErrWaiting):
		p.Log.InfoContext(ctx, "task waits; Pub/Sub delivers it again", append(attrs, "reason", err.Error())...)
	case status == http.StatusUnauthorized:
		code := verify.Code(err)
		if p.refusals.admitOrCount(ctx, p.Log, "more pushes were refused than logged; the numbers are of this instance in about a minute", code, p.Now()) {
			p.Log.WarnContext(ctx, "push refused; PUSH_AUDIENCE and PUSH_SERVICE_ACCOUNT must be the subscription's", append(attrs, "code", code, "error", err.Error())...)
		}
	default:
		p.Log.ErrorContext(ctx, "task not done; Pub/Sub delivers it again", append(attrs, "error", err.Error())...)
	}
}

func pushStatus(err error) int {
	switch {
	case err == nil:
		return http.StatusNoContent
	case errors.Is(err, errNotEnvelope):
		return http.StatusBadRequest
	case errors.Is(err, verify.ErrUnavailable), errors.Is(err, work.ErrWaiting):
		return http.StatusServiceUnavailable
	case verify.Code(err) != "":
		return http.StatusUnauthorized
	default:
		return http.StatusInternalServerError
	}
}

func readEnvelope(w http.ResponseWriter, r *http.Request) (work.Message, error) {
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxEnvelopeBytes))
	if err != nil {
		return work.Message{}, fmt.Errorf("%w: %w", errNotEnvelope, err)
	}
	var e envelope
	if err := json.Unmarshal(data, &e); err != nil || e.Message == nil {
		return work.Message{}, errNotEnvelope // the decoder's error may quote the content
	}
	published, _ := time.Parse(time.RFC3339Nano, e.Message.Published) // zero: not known
	return work.Message{
		Kind:      e.Message.Attributes["kind"],
		Data:      e.Message.Data,
		ID:        e.Message.MessageID,
		Attempt:   e.DeliveryAttempt,
		Published: published,
	}, nil
}
