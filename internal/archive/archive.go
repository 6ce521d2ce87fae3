// Package archive keeps what Gemini would delete: result files and videos after two
// days, answers of its API (contract, "Where results are"). It owns all names below
// Prefix.
//
// A copy is made once and never changed. Nothing here deletes: how long copies live is
// for the bucket's own rules to say. The package does not look into what it keeps.
package archive

import (
	"context"
	"errors"
	"io"
	"strconv"

	"example.com/gemini-webhook/internal/object"
)

// Prefix is what the names of all copies begin with: archive/<event key>/<file>.
const Prefix = "archive/"

// The files of an event.
const (
	Results     = "results.jsonl"
	Interaction = "interaction.json"
	Requests    = "requests.jsonl" // what was sent once more
)

// Video is the file of an event's video; they count from 0.
func Video(index int) string { return "video-" + strconv.Itoa(index) }

// Bucket is the bucket of the archive.
type Bucket interface {
	// Stat describes an object as it is now, or object.ErrNotFound.
	Stat(ctx context.Context, name string) (Copy, error)
	// Create makes an object of what write writes, for which Stat gives the same
	// Origin; it fails where there is one of that name. Where write fails none is made, and its error comes back wrapped. It holds
	// a bounded part of the content in memory.
	Create(ctx context.Context, name, contentType, origin string, write func(io.Writer) error) (Copy, error)
}

// Item is what is to be kept.
type Item struct {
	Key         string // of the event
	File        string // Results, Interaction, Requests or a Video
	Origin      string // what is copied: "files/<id>", "batches/<id>"
	ContentType string
}

func (i Item) name() string { return Prefix + i.Key + "/" + i.File }

// Copy is an object of the archive.
type Copy struct {
	object.Object
	ContentType string
}

// Store is the archive.
type Store struct{ Bucket Bucket }

// Find gives the copy of an item, or object.ErrNotFound. Its Origin is what it was made
// of, whatever the item's.
func (s *Store) Find(ctx context.Context, item Item) (Copy, error) {
	return s.Bucket.Stat(ctx, item.name())
}

// Keep gives the copy of an item and, where there is none, has it written. Of several
// that do so at once one wins, and all get its copy. It does not retry: an error of
// write comes back wrapped, and then no copy was made of it.
func (s *Store) Keep(ctx context.Context, item Item, write func(io.Writer) error) (Copy, error) {
	return Once(ctx, s.Bucket, item.name(), item.ContentType, item.Origin, write)
}

// Once is Keep of an object of any name.
func Once(ctx context.Context, bucket Bucket, name, contentType, origin string, write func(io.Writer) error) (Copy, error) {
	found, err := bucket.Stat(ctx, name)
	if !errors.Is(err, object.ErrNotFound) {
		return found, err
	}
	made, err := bucket.Create(ctx, name, contentType, origin, write)
	if err != nil {
		// Another was faster, or the answer was lost and not the object.
		if found, missing := bucket.Stat(ctx, name); missing == nil {
			return found, nil
		}
		return Copy{}, err
	}
	return made, nil
}
