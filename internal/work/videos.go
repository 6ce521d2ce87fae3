package work

import (
	"cmp"
	"context"
	"errors"
	"io"
	"mime"
	"slices"
	"strings"
	"time"

	"example.com/gemini-webhook/internal/archive"
	"example.com/gemini-webhook/internal/batch"
	"example.com/gemini-webhook/internal/event"
	"example.com/gemini-webhook/internal/object"
	"example.com/gemini-webhook/internal/outcome"
)

// videoLife is how long Gemini keeps a generated video.
const videoLife = 48 * time.Hour

// notCopied: a video in a bucket is its owner's, and the receiver may have no access.
var notCopied = outcome.Error{Code: "not_copied", Message: "the video is in a bucket already and is not copied"}

// videos makes the outcome of a video.generated, with copies of its videos.
func (w *Worker) videos(ctx context.Context, t batch.Task) (outcome.Message, error) {
	all, confirmed, err := w.findVideos(ctx, t)
	if err != nil {
		return outcome.Message{}, err
	}
	failures := make([]error, len(all))
	for i := range all {
		all[i].ExpiresAt = expiry(t.Event)
		failures[i] = w.keepVideo(ctx, t, i, &all[i])
	}
	if err := errors.Join(failures...); err != nil {
		return outcome.Message{}, err
	}
	return w.Factory.For(t.Event).Videos(all, confirmed), nil
}

// findVideos gives the event's video, where its name can be used, and what else its
// operation made. confirmed says that the API knows the operation.
func (w *Worker) findVideos(ctx context.Context, t batch.Task) (all []outcome.Video, confirmed bool, err error) {
	var sent event.Video
	if t.Event.Video != nil {
		sent = *t.Event.Video
	}
	if w.Gemini == nil {
		return []outcome.Video{{Video: sent}}, false, nil
	}
	made, err := w.Gemini.Operations.Videos(ctx, t.Event.ResourceID)
	never, ended := errors.AsType[*object.Unreadable](err)
	var reason *outcome.Error
	if ended {
		reason = &outcome.Error{Code: never.Code, Message: never.Message}
	} else if err != nil {
		if reason = w.reason(t, err); reason == nil {
			return nil, false, err
		}
	}
	if w.name(sent) != "" || inBucket(sent) || len(made) == 0 {
		first := outcome.Video{Video: sent}
		if sent == (event.Video{}) {
			first.Error = reason
		}
		all = append(all, first)
	}
	for _, v := range made {
		if !slices.ContainsFunc(all, func(o outcome.Video) bool { return w.same(o.Video, v) }) {
			all = append(all, outcome.Video{Video: v})
		}
	}
	return all, err == nil || ended, nil
}

// name is the file of a video, "" where it names none.
func (w *Worker) name(v event.Video) string {
	return cmp.Or(w.Gemini.Files.Name(v.File), w.Gemini.Files.Name(v.URI))
}

func (w *Worker) same(a, b event.Video) bool {
	name := w.name(a)
	return name == w.name(b) && (name != "" || a.URI == b.URI)
}

func inBucket(v event.Video) bool { return strings.HasPrefix(v.URI, "gs://") }

// keepVideo copies the i-th video of an event, or says in it why not.
func (w *Worker) keepVideo(ctx context.Context, t batch.Task, i int, v *outcome.Video) error {
	name := ""
	if w.Gemini != nil {
		name = w.name(v.Video)
	}
	switch {
	case v.Error != nil:
		return nil
	case name == "" && inBucket(v.Video):
		v.Error = &notCopied
		return nil
	case w.Gemini == nil:
		v.Error = &outcome.Error{Code: object.ErrNoAPIKey.Code, Message: "set GEMINI_API_KEY_SECRET to have videos copied"}
		return nil
	case name == "":
		v.Error = &outcome.Error{Code: object.ErrUnknownPointer.Code, Message: "the video is neither files/<id> nor at the Gemini API"}
		return nil
	}
	made, err := w.copyFile(ctx, archive.Item{Key: t.Key, File: archive.Video(i), Origin: name})
	if err != nil {
		if v.Error = w.reason(t, err); v.Error == nil {
			return err
		}
		return nil
	}
	v.Archived = made
	return nil
}

// copyFile keeps the file that an item comes from. A copy of an earlier attempt is not
// made again.
func (w *Worker) copyFile(ctx context.Context, item archive.Item) (*outcome.Archived, error) {
	found, err := w.Archive.Find(ctx, item)
	if err == nil {
		return archived(found), nil
	}
	if !errors.Is(err, object.ErrNotFound) {
		return nil, err
	}
	body, contentType, err := w.Gemini.Files.Download(ctx, item.Origin)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	if _, _, err := mime.ParseMediaType(contentType); err != nil {
		contentType = "application/octet-stream"
	}
	item.ContentType = contentType
	return w.keep(ctx, item, func(to io.Writer) error {
		_, err := io.Copy(to, body)
		return err
	})
}

// expiry is when Gemini deletes what an event announces: counted from its own time or,
// where that cannot be read, from when it was received.
func expiry(e *event.Event) time.Time {
	at, err := time.Parse(time.RFC3339, e.Time)
	if year := at.UTC().Year(); err != nil || year < 1 || year > 9998 { // 48 hours later it is still RFC 3339
		at = e.ReceivedAt
	}
	return at.UTC().Add(videoLife)
}
