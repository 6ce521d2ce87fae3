package work

import (
	"bytes"
	"context"
	"io"

	"example.com/gemini-webhook/internal/archive"
	"example.com/gemini-webhook/internal/batch"
	"example.com/gemini-webhook/internal/outcome"
)

// interaction makes the outcome of an interaction's event: with what the API answers
// or, where that does not fit, with a copy of it.
func (w *Worker) interaction(ctx context.Context, t batch.Task) (outcome.Message, error) {
	o, id := w.Factory.For(t.Event), t.Event.ResourceID
	item := archive.Item{Key: t.Key, File: archive.Interaction, Origin: id, ContentType: "application/json"}
	var made *outcome.Archived
	keep := func(write func(io.Writer) error) (err error) {
		made, err = w.keep(ctx, item, write)
		return err
	}
	read, err := w.Gemini.Interactions.Read(ctx, id, outcome.MaxBytes, keep)
	if err != nil {
		reason := w.reason(t, err)
		if reason == nil {
			return outcome.Message{}, err
		}
		m, _ := o.Interaction(nil, reason)
		return m, nil
	}
	read.Archived = made
	m, whole := o.Interaction(&read, nil)
	if whole {
		return m, nil
	}
	var reason *outcome.Error
	err = keep(func(to io.Writer) error {
		_, err := io.Copy(to, bytes.NewReader(read.Resource))
		return err
	})
	if err != nil {
		if reason = w.reason(t, err); reason == nil {
			return outcome.Message{}, err
		}
	}
	read.Resource, read.Archived = nil, made
	m, _ = o.Interaction(&read, reason)
	return m, nil
}
