package reconcile

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"example.com/gemini-webhook/internal/event"
)

const (
	maxErrors     = 20  // in a report
	maxErrorBytes = 500 // of one of them
)

// Report is what one run did. Its JSON is stored as batch.RunsFolder says, and
// "webhookctl doctor" reads it.
type Report struct {
	Started         time.Time      `json:"started"`
	Ended           time.Time      `json:"ended"`
	LookedAt        map[string]int `json:"looked_at"`                // jobs that were listed, by event.OriginGeminiAPI and event.OriginVertexAPI
	RunningJobs     int            `json:"running_jobs"`             // of those, the ones that are not at their end
	EndedJobs       int            `json:"ended_jobs"`               // of those, the ones that ended in the window
	Queued          int            `json:"queued"`                   // of those, the ones without an owner whose event is in the queue now
	WebhooksEnabled int            `json:"webhooks_enabled"`         // that Gemini had disabled
	Canary          string         `json:"canary"`                   // CanaryOff, CanaryOK or another of these words
	CanarySeconds   float64        `json:"canary_seconds,omitempty"` // of CanaryOK: what the ping took until it was worked on
	Errors          []string       `json:"errors"`                   // empty where all was looked at; at most 20
}

func newReport(started time.Time) *Report {
	return &Report{Started: started.UTC(), Canary: CanaryOff, LookedAt: map[string]int{event.OriginGeminiAPI: 0, event.OriginVertexAPI: 0}, Errors: []string{}}
}

// add takes note of an error; nil is none.
func (r *Report) add(err error) {
	if err != nil && len(r.Errors) < maxErrors {
		text := err.Error()
		r.Errors = append(r.Errors, text[:min(len(text), maxErrorBytes)])
	}
}

// log writes the one line of a run, whose names stay: metrics are made of them.
func (r *Report) log(ctx context.Context, log *slog.Logger, level slog.Level) {
	attrs := []any{
		"started", r.Started, "ended", r.Ended,
		slog.Group("looked_at", event.OriginGeminiAPI, r.LookedAt[event.OriginGeminiAPI], event.OriginVertexAPI, r.LookedAt[event.OriginVertexAPI]),
		"running_jobs", r.RunningJobs, "ended_jobs", r.EndedJobs, "queued", r.Queued, "webhooks_enabled", r.WebhooksEnabled, "canary", r.Canary, "errors", r.Errors,
	}
	if r.Canary == CanaryOK {
		attrs = append(attrs, "canary_seconds", r.CanarySeconds)
	}
	log.Log(ctx, level, "reconciled", attrs...)
}

func (r *Report) encode() []byte {
	data, err := json.Marshal(r)
	if err != nil { // times, numbers and texts always encode
		panic(err)
	}
	return data
}
