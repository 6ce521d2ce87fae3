package storage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"time"

	"cloud.google.com/go/storage"
	"github.com/googleapis/gax-go/v2"
	"google.golang.org/api/googleapi"

	"example.com/gemini-webhook/internal/batch"
)

// attemptTimeout bounds one attempt to create a state object, so that a request
// that hangs leaves time for another.
const attemptTimeout = 10 * time.Second

// State is the state bucket as a batch.Store.
type State struct {
	client *Client
	bucket string
}

// State gives the state kept in bucket.
func (c *Client) State(bucket string) *State { return &State{c, bucket} }

// Create implements batch.Store. An error that may pass (408, 429, 5xx, a broken
// connection) is tried again with back-off until 30 s or ctx are over. Google's
// client does not do that for an upload in one request, though the precondition
// makes it idempotent.
func (s *State) Create(ctx context.Context, name string, data []byte, metadata map[string]string) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	pause := backoff
	for first := true; ; first = false {
		err := s.create(ctx, name, data, metadata)
		switch {
		case err == nil:
			return nil
		case isPrecondition(err):
			// An attempt whose answer was lost may have made it.
			if !first && s.holds(ctx, name, data, metadata) {
				return nil
			}
			return fmt.Errorf("create gs://%s/%s: %w", s.bucket, name, batch.ErrExists)
		case ctx.Err() != nil || !transient(err) || gax.Sleep(ctx, pause.Pause()) != nil:
			return describe("create", s.bucket, name, err)
		}
	}
}

// create makes one attempt.
func (s *State) create(ctx context.Context, name string, data []byte, metadata map[string]string) error {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	w := s.client.client.Bucket(s.bucket).Object(name).If(storage.Conditions{DoesNotExist: true}).NewWriter(ctx)
	w.ChunkSize = 0 // one request, and no buffer
	w.Metadata = metadata
	if _, err := w.Write(data); err != nil {
		_ = w.Close() // gives the same error
		return err
	}
	return w.Close()
}

func isPrecondition(err error) bool {
	var answer *googleapi.Error
	return errors.As(err, &answer) && answer.Code == http.StatusPreconditionFailed
}

// transient reports whether another attempt may succeed. An attempt's own time
// being over is such an error, too.
func transient(err error) bool {
	return storage.ShouldRetry(err) || errors.Is(err, context.DeadlineExceeded)
}

// holds reports whether the object is what Create was to make. Where that cannot
// be told it is somebody else's.
func (s *State) holds(ctx context.Context, name string, data []byte, metadata map[string]string) bool {
	attrs, err := s.client.client.Bucket(s.bucket).Object(name).Attrs(ctx)
	if err != nil || !maps.Equal(attrs.Metadata, metadata) {
		return false
	}
	stored, err := s.Read(ctx, name)
	return err == nil && bytes.Equal(stored, data)
}

// Read implements batch.Store.
func (s *State) Read(ctx context.Context, name string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	r, err := s.client.client.Bucket(s.bucket).Object(name).NewReader(ctx)
	if err != nil {
		return nil, describeAs(batch.ErrNotFound, "read", s.bucket, name, err)
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, describe("read", s.bucket, name, err)
	}
	return data, nil
}

// List implements batch.Store.
func (s *State) List(ctx context.Context, prefix, from, to string) ([]batch.Entry, error) {
	q := &storage.Query{Prefix: prefix, StartOffset: from, EndOffset: to}
	if err := q.SetAttrSelection([]string{"Name", "Metadata"}); err != nil {
		return nil, fmt.Errorf("list state: %w", err)
	}
	var entries []batch.Entry
	err := s.client.each(ctx, s.bucket, q, func(attrs *storage.ObjectAttrs) bool {
		entries = append(entries, batch.Entry{Name: attrs.Name, Metadata: attrs.Metadata})
		return true
	})
	return entries, err
}
