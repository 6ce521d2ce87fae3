package geminiapi

import (
	"context"
	"fmt"
	"regexp"

	"example.com/gemini-webhook/internal/jsonstream"
)

// Operations reads the operations that generate videos.
type Operations struct{ *API }

// Operation is what the API says of one. What it does not say is empty.
type Operation struct {
	Done   bool
	Error  *Error
	Videos []Video // in the order of the answer
}

// Video is a generated video.
type Video struct {
	URI         string
	File        string // "files/<id>", where the URI or a name is a file's
	ContentType string
}

const maxVideos = 100 // of one operation; the API makes up to 4

var operationForm = regexp.MustCompile(`^(?:(?:models|tunedModels)/[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}/)?operations/[A-Za-z0-9_-]{1,128}$`)

// Read reads an operation ("models/<model>/operations/<id>", "operations/<id>"). Videos
// that an answer holds itself are passed over.
func (o Operations) Read(ctx context.Context, name string) (Operation, error) {
	if !operationForm.MatchString(name) {
		return Operation{}, fmt.Errorf("read an operation: %w", ErrName)
	}
	resp, err := o.get(ctx, name, "/v1beta/"+name)
	if err != nil {
		return Operation{}, err
	}
	defer resp.Body.Close()
	answer := operationReader{Reader: jsonstream.New(resp.Body), files: Files(o)}
	if err := answer.Object(answer.member); err != nil {
		return Operation{}, fmt.Errorf("read %s: %w", name, err)
	}
	if err := answer.End(); err != nil {
		return Operation{}, fmt.Errorf("read %s: %w", name, err)
	}
	return answer.Operation, nil
}

type operationReader struct {
	*jsonstream.Reader
	Operation
	files Files
}

func (o *operationReader) member(name string) error {
	switch camel(name) {
	case "response", "result", "generateVideoResponse":
		return o.Object(o.member)
	case "generatedSamples", "generatedVideos", "videos":
		return o.Array(o.sample)
	case "error":
		return readError(o.Reader, &o.Error)
	case "done":
		value, err := o.Value(maxMember)
		o.Done = o.Done || value.IsTrue()
		return err
	}
	return o.Skip()
}

// sample reads {"video": {…}}, or what stands in it.
func (o *operationReader) sample(int) error {
	var video Video
	var named string
	var member func(name string) error
	fields := map[string]*string{
		"uri": &video.URI, "gcsUri": &video.URI, "name": &named,
		"mimeType": &video.ContentType, "encoding": &video.ContentType,
	}
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
	if video.File = o.files.Name(video.URI); video.File == "" {
		video.File = o.files.Name(named)
	}
	if (video.URI != "" || video.File != "") && len(o.Videos) < maxVideos {
		o.Videos = append(o.Videos, video)
	}
	return err
}
