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

	"example.com/gemini-webhook/internal/event"
	"example.com/gemini-webhook/internal/object"
	"example.com/gemini-webhook/internal/outcome"
	"example.com/gemini-webhook/internal/progress"
	"example.com/gemini-webhook/internal/results"
	"example.com/gemini-webhook/verify"
)

// maxEnvelopeBytes bounds a push request: a message of at most 10 MB in
// base64, its attributes, and what stands around them.
const maxEnvelopeBytes = 16 << 20

// pushDeadline is Pub/Sub's longest acknowledgement deadline: after that the
// message is delivered again, whatever we do.
const pushDeadline = 600 * time.Second

// workShare of the deadline is for work; the rest is for acknowledgements,
// markers and handing on.
const workShare = 0.6

// PushTokens checks who calls the private door.
type PushTokens interface {
	Verify(ctx context.Context, authorization []string) error
}

// ProcessorConfig is what a Processor needs.
type ProcessorConfig struct {
	Tokens   PushTokens
	Queue    Queue
	Outcomes Topic  // outcomes of events
	Results  Stream // outcomes of lines
	Objects  *object.Store
	State    *progress.State
	Factory  *outcome.Factory

	Mode         string // progress.Lines or progress.Summary
	ChunkBytes   int64
	MaxLineBytes int64
	MaxAttempts  int // the subscription's: before the last, what fails is reported as batch.incomplete

	Stopping <-chan struct{} // closed when the instance is told to stop
	Now      func() time.Time
	Log      *slog.Logger
}

// Processor is the private door: it works on queued events and ranges that
// Pub/Sub pushes (SPEC.md "The private door").
//
// Acknowledgement policy: 204 is said only of work that is finished or handed
// on. Everything else is an error, and Pub/Sub delivers the message again,
// with back-off, until it goes to the dead letters: no error is permanent
// here, because a redrive after a repair must find the message. What the
// configuration can never read is no error but an outcome, batch.unreadable.
type Processor struct {
	ProcessorConfig
	longLines *results.LongLines
	refusals  refusals // of pushes; with both doors open, strangers can send some
}

// NewProcessor gives the private door.
func NewProcessor(c ProcessorConfig) *Processor {
	return &Processor{ProcessorConfig: c, longLines: results.NewLongLines()}
}

// envelope is Pub/Sub's wrapped push format.
type envelope struct {
	Message *struct {
		Data       []byte            `json:"data"` // base64
		Attributes map[string]string `json:"attributes"`
		MessageID  string            `json:"messageId"`
	} `json:"message"`
	Subscription    string `json:"subscription"`
	DeliveryAttempt int    `json:"deliveryAttempt"` // counts from 1; 0 without a dead letter policy
}

var errNotEnvelope = errors.New("not a Pub/Sub push envelope; the subscription must push wrapped messages")

// work is one queued message.
type work struct {
	kind    string
	data    []byte
	id      string // the message's
	attempt int
	cutoff  time.Time // hand on what is left from here on

	key string // of the event, once it is known: its folder in the state bucket
}

// lastChance reports whether this is the last attempt but one or later: what
// fails now is reported, while there is an attempt left to report it again.
func (p *Processor) lastChance(w work) bool { return w.attempt >= p.MaxAttempts-1 }

// ServeHTTP answers one push, a POST to /tasks/process.
func (p *Processor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := p.Now()
	ctx, cancel := context.WithTimeout(r.Context(), pushDeadline)
	defer cancel()
	var item work
	err := p.Tokens.Verify(ctx, r.Header.Values("Authorization"))
	if err == nil {
		item, err = readEnvelope(w, r)
	}
	if err == nil {
		deadline, _ := ctx.Deadline()
		item.cutoff = start.Add(time.Duration(float64(deadline.Sub(start)) * workShare))
		err = p.process(ctx, &item)
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
	attrs := []any{"kind", item.kind, "event_key", item.key, "message_id", item.id, "attempt", item.attempt, "duration_ms", p.Now().Sub(start).Milliseconds()}
	switch {
	case err == nil:
		p.Log.InfoContext(ctx, "task done", attrs...)
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
	case errors.Is(err, verify.ErrUnavailable):
		return http.StatusServiceUnavailable
	case verify.Code(err) != "":
		return http.StatusUnauthorized
	default:
		return http.StatusInternalServerError
	}
}

func readEnvelope(w http.ResponseWriter, r *http.Request) (work, error) {
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxEnvelopeBytes))
	if err != nil {
		return work{}, fmt.Errorf("%w: %w", errNotEnvelope, err)
	}
	var e envelope
	if err := json.Unmarshal(data, &e); err != nil || e.Message == nil {
		return work{}, errNotEnvelope // the decoder's error may quote the content
	}
	return work{
		kind:    e.Message.Attributes["kind"],
		data:    e.Message.Data,
		id:      e.Message.MessageID,
		attempt: e.DeliveryAttempt,
	}, nil
}

// process does one piece of queued work.
func (p *Processor) process(ctx context.Context, item *work) error {
	switch item.kind {
	case kindEvent:
		e, err := event.Decode(item.data)
		if err != nil {
			return err
		}
		item.key = e.Key()
		return p.event(ctx, *item, e)
	case kindRange:
		task, err := progress.DecodeTask(item.data)
		if err != nil {
			return err
		}
		item.key = task.Key
		return p.rangeTask(ctx, *item, task)
	default:
		return fmt.Errorf("message of unknown kind %.40q; only this program may publish to the queue", item.kind)
	}
}

// event turns an event into its outcome, or plans its batch.
func (p *Processor) event(ctx context.Context, item work, e *event.Event) error {
	if e.Type == event.TypeBatchSucceeded {
		return p.batch(ctx, item, e)
	}
	return p.once(ctx, e, p.Factory.For(e).Simple())
}

// once publishes the only outcome of an event, unless that is done.
func (p *Processor) once(ctx context.Context, e *event.Event, m outcome.Message) error {
	done, err := p.State.Flagged(ctx, e.Key(), progress.Published)
	if err != nil || done {
		return err
	}
	if err := p.Outcomes.Publish(ctx, m); err != nil {
		return err
	}
	return p.State.Flag(ctx, e.Key(), progress.Published)
}
