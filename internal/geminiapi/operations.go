package geminiapi

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"example.com/gemini-webhook/internal/event"
	"example.com/gemini-webhook/internal/jsonstream"
	"example.com/gemini-webhook/internal/object"
)

// Operations reads the operations that generate videos.
type Operations struct{ *API }

const maxVideos = 20 // of one operation; the API makes up to 4

var modelForm = regexp.MustCompile(`^(?:models|tunedModels)/[A-Za-z0-9_-][A-Za-z0-9._-]*/$`)

const maxModel = len("models/") + 128 + len("/") // bytes of a model in an operation's name

// isOperation reports whether a name is "models/<model>/operations/<id>", of a model or a
// tuned one, or "operations/<id>".
func isOperation(name string) bool {
	model, id, ok := strings.Cut(name, "operations/")
	return ok && object.ValidID(id) && len(model) <= maxModel && (model == "" || modelForm.MatchString(model))
}

// Videos gives the videos of an operation ("models/<model>/operations/<id>",
// "operations/<id>"), in the order of the answer: as their File "files/<id>", where the
// URI or a name is a file's. Those that an answer holds itself are passed over. An
// operation that ended without any is an *object.Unreadable that says why; one that has
// not ended is another error.
func (o Operations) Videos(ctx context.Context, name string) ([]event.Video, error) {
	if !isOperation(name) {
		return nil, fmt.Errorf("read an operation: %w", object.ErrName)
	}
	resp, err := o.get(ctx, name, "/v1beta/"+name)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	answer := operationReader{Reader: jsonstream.New(resp.Body), files: Files(o)}
	if err := errors.Join(answer.Object(answer.member), answer.End()); err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	switch {
	case len(answer.videos) > 0:
		return answer.videos, nil
	case answer.failure != nil:
		return nil, &object.Unreadable{Code: cmp.Or(answer.failure.Code, "failed"), Message: answer.failure.Message}
	case answer.done:
		return nil, &object.Unreadable{Code: "no_results", Message: "the operation ended without a video that can be read"}
	}
	return nil, fmt.Errorf("read %s: the operation has not ended", name)
}

type operationReader struct {
	*jsonstream.Reader
	files   Files
	done    bool
	failure *Error
	videos  []event.Video
}

func (o *operationReader) member(name string) error {
	switch camel(name) {
	case "response", "result", "generateVideoResponse":
		return o.Object(o.member)
	case "generatedSamples", "generatedVideos", "videos":
		return o.Array(o.sample)
	case "error":
		return readError(o.Reader, &o.failure)
	case "done":
		value, err := o.Value(maxMember)
		o.done = o.done || value.IsTrue()
		return err
	}
	return o.Skip()
}

// sample reads {"video": {…}}, or what stands in it.
func (o *operationReader) sample(int) error {
	var video event.Video
	var named string
	fields := map[string]*string{"uri": &video.URI, "gcsUri": &video.URI, "name": &named}
	var member func(name string) error
	member = func(name string) error {
		name = camel(name)
		if field, ok := fields[name]; ok {
			return text(o.Reader, field)
		}
		if name == "video" {
			return o.Object(member)
		}
		return o.Skip()
	}
	err := o.Object(member)
	video.File = cmp.Or(o.files.Name(video.URI), o.files.Name(named))
	if video != (event.Video{}) && len(o.videos) < maxVideos {
		o.videos = append(o.videos, video)
	}
	return err
}
