// Package storage reads result objects from Cloud Storage and keeps the state
// bucket.
//
// It talks to STORAGE_EMULATOR_HOST where that is set, as Google's client does.
package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"cloud.google.com/go/storage"
	"github.com/googleapis/gax-go/v2"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/iterator"

	"example.com/gemini-webhook/internal/gcp/stall"
	"example.com/gemini-webhook/internal/object"
)

// callTimeout bounds a call that moves little data, retries included.
const callTimeout = 30 * time.Second

// backoff is the pause between attempts. The client's own begins at a second,
// which is what a range takes.
var backoff = gax.Backoff{Initial: 100 * time.Millisecond, Max: 5 * time.Second, Multiplier: 2}

// pageSize is what one listing request returns at most.
const pageSize = 1000

// Client is one connection to Cloud Storage.
type Client struct{ client *storage.Client }

// NewClient connects to Cloud Storage. It makes no call yet.
func NewClient(ctx context.Context) (*Client, error) {
	c, err := storage.NewClient(ctx)
	if err != nil {
		return nil, fmt.Errorf("connect to Cloud Storage: %w", err)
	}
	c.SetRetry(storage.WithBackoff(backoff))
	return &Client{c}, nil
}

// Close releases the connection.
func (c *Client) Close() error { return c.client.Close() }

// Stat describes an object as it is now; an object that is not there is
// object.ErrNotFound.
func (c *Client) Stat(ctx context.Context, bucket, name string) (object.Object, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	attrs, err := c.client.Bucket(bucket).Object(name).Attrs(ctx)
	if err != nil {
		return object.Object{}, describe("stat", bucket, name, err)
	}
	return pinned(attrs), nil
}

// List describes the objects under prefix in name order, at most limit of
// those that want lets through.
func (c *Client) List(ctx context.Context, bucket, prefix string, want func(object.Object) bool, limit int) ([]object.Object, error) {
	q := &storage.Query{Prefix: prefix}
	if err := q.SetAttrSelection([]string{"Bucket", "Name", "Generation", "Size", "ContentEncoding"}); err != nil {
		return nil, fmt.Errorf("list gs://%s/%s: %w", bucket, prefix, err)
	}
	var found []object.Object
	err := c.each(ctx, bucket, q, func(attrs *storage.ObjectAttrs) bool {
		if o := pinned(attrs); want(o) {
			found = append(found, o)
		}
		return len(found) < limit
	})
	return found, err
}

// each calls visit for every object that q finds until it returns false. Every
// page has its own deadline.
func (c *Client) each(ctx context.Context, bucket string, q *storage.Query, visit func(*storage.ObjectAttrs) bool) error {
	token := ""
	for {
		page, next, err := c.page(ctx, bucket, q, token)
		if err != nil {
			return describe("list", bucket, q.Prefix, err)
		}
		for _, attrs := range page {
			if !visit(attrs) {
				return nil
			}
		}
		if next == "" {
			return nil
		}
		token = next
	}
}

func (c *Client) page(ctx context.Context, bucket string, q *storage.Query, token string) (page []*storage.ObjectAttrs, next string, err error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	next, err = iterator.NewPager(c.client.Bucket(bucket).Objects(ctx, q), pageSize, token).NextPage(&page)
	return page, next, err
}

// pinned is what the plan needs to know of an object. Gzip is told by the
// stored encoding or by the name.
func pinned(attrs *storage.ObjectAttrs) object.Object {
	o := object.Object{Bucket: attrs.Bucket, Name: attrs.Name, Generation: attrs.Generation, Size: attrs.Size}
	if attrs.ContentEncoding == "gzip" || strings.HasSuffix(attrs.Name, ".gz") {
		o.Encoding = object.Gzip
	}
	return o
}

// Open reads length bytes (-1: to the end) of the object's pinned generation
// from offset on, as they are stored: gzip is not decompressed. A generation
// that is no longer there is object.ErrNotFound. A read that stalls fails.
func (c *Client) Open(ctx context.Context, o object.Object, offset, length int64) (io.ReadCloser, error) {
	ctx, watch := stall.New(ctx, stall.Timeout)
	var body *storage.Reader
	err := watch.Wait(func() (err error) {
		body, err = c.client.Bucket(o.Bucket).Object(o.Name).Generation(o.Generation).ReadCompressed(true).NewRangeReader(ctx, offset, length)
		return err
	})
	if err != nil {
		watch.Stop()
		return nil, describe("read", o.Bucket, o.Name, err)
	}
	return &reader{watch.Body(body), o}, nil
}

// reader says what it read where it fails.
type reader struct {
	io.ReadCloser
	of object.Object
}

func (r *reader) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		err = describe("read", r.of.Bucket, r.of.Name, err)
	}
	return n, err
}

// describe wraps an error of Google's client so that whoever asked for a result
// can tell that it is missing or refused, and the operator what was tried.
func describe(what, bucket, name string, err error) error {
	return describeAs(object.ErrNotFound, what, bucket, name, err)
}

func describeAs(missing error, what, bucket, name string, err error) error {
	answer, refused := errors.AsType[*googleapi.Error](err)
	switch {
	case errors.Is(err, storage.ErrObjectNotExist), errors.Is(err, storage.ErrBucketNotExist):
		err = fmt.Errorf("%w (%v)", missing, err)
	case refused && answer.Code == http.StatusForbidden:
		err = fmt.Errorf("%w: %w", object.ErrForbidden, err)
	}
	return fmt.Errorf("%s gs://%s/%s: %w", what, bucket, name, err)
}
