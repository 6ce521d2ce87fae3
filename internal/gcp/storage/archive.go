package storage

import (
	"context"
	"fmt"
	"io"
	"time"

	"cloud.google.com/go/storage"

	"example.com/gemini-webhook/internal/archive"
	"example.com/gemini-webhook/internal/gcp/stall"
)

const (
	// archiveChunk is what an upload holds in memory to send it again after an
	// error that may pass: 8 MiB, so that four at once stay below a range's share.
	archiveChunk = 8 << 20
	// chunkTimeout bounds one attempt to send a chunk, so that one that hangs leaves
	// time for another within the 32 s that the client has for each.
	chunkTimeout = 20 * time.Second
	// uploadStall bounds the wait for a chunk with all its attempts.
	uploadStall = time.Minute
)

// Archive is the bucket of the archive, an archive.Bucket.
type Archive struct {
	client *Client
	bucket string
}

// Archive gives the archive kept in bucket.
func (c *Client) Archive(bucket string) *Archive { return &Archive{c, bucket} }

// Stat implements archive.Bucket.
func (a *Archive) Stat(ctx context.Context, name string) (archive.Copy, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	attrs, err := a.client.client.Bucket(a.bucket).Object(name).Attrs(ctx)
	if err != nil {
		return archive.Copy{}, describe("stat", a.bucket, name, err)
	}
	return copyOf(attrs), nil
}

// origin is the name of a copy's metadata that holds its Origin.
const origin = "origin"

func copyOf(attrs *storage.ObjectAttrs) archive.Copy {
	made := archive.Copy{Object: pinned(attrs), ContentType: attrs.ContentType}
	made.CRC32C, made.Origin = attrs.CRC32C, attrs.Metadata[origin]
	return made
}

// Create implements archive.Bucket by a resumable upload, whose chunks the client sends
// again after errors that may pass. The client sends the content's CRC32C, too, and
// Cloud Storage refuses what does not have it. A missing bucket is no
// object.ErrNotFound, which may be what write says of its source.
func (a *Archive) Create(ctx context.Context, name, contentType, from string, write func(io.Writer) error) (archive.Copy, error) {
	ctx, watch := stall.New(ctx, uploadStall)
	defer watch.Stop() // what was not closed ends here; closing it would make an object of a part
	w := a.client.client.Bucket(a.bucket).Object(name).If(storage.Conditions{DoesNotExist: true}).NewWriter(ctx)
	w.ChunkSize, w.ChunkTransferTimeout, w.ContentType = archiveChunk, chunkTimeout, contentType
	w.Metadata = map[string]string{origin: from}
	err := write(&watchedWriter{watch, w})
	if err == nil {
		err = watch.Wait(w.Close)
	}
	if err != nil {
		return archive.Copy{}, fmt.Errorf("create gs://%s/%s: %w", a.bucket, name, err)
	}
	return copyOf(w.Attrs()), nil
}

// watchedWriter bounds the wait of each write.
type watchedWriter struct {
	watch *stall.Watch
	to    io.Writer
}

func (w *watchedWriter) Write(p []byte) (n int, err error) {
	err = w.watch.Wait(func() error {
		n, err = w.to.Write(p)
		return err
	})
	return n, err
}
