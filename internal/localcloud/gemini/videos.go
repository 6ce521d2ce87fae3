package gemini

import (
	"encoding/json"
	"io"
	"net/http"

	"example.com/gemini-webhook/internal/localcloud/rest"
)

// videoHead is the shortest beginning of an MP4 file (its ftyp box).
const videoHead = "\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom"

// maxSamples is how many videos one request may ask for.
const maxSamples = 4

// videoContent is what a video file says at each offset.
type videoContent struct{}

// ReadAt implements io.ReaderAt.
func (videoContent) ReadAt(p []byte, off int64) (int, error) {
	for i := range p {
		p[i] = byte(off + int64(i))
	}
	if off < int64(len(videoHead)) {
		copy(p, videoHead[off:])
	}
	return len(p), nil
}

// video is an operation that generates one or more; Server.mu guards what changes after its creation.
type video struct {
	header  // the id is without models/…/operations/
	model   string
	hook    webhookConfig
	form    VideoOptions
	samples int

	files []string // files/…, once it is done
}

func (s *Server) routeVideos(mux *http.ServeMux) {
	mux.Handle("GET /v1beta/models/{model}/operations/{id}", get(s, &s.videos))
}

func (v *video) name() string { return "models/" + v.model + "/operations/" + v.id }

// readVideo decodes and checks a create request.
func readVideo(w http.ResponseWriter, r *http.Request) (*video, *rest.Error) {
	var in struct {
		Instances     []json.RawMessage `json:"instances"`
		Parameters    json.RawMessage   `json:"parameters"`
		WebhookConfig json.RawMessage   `json:"webhook_config"`
	}
	if err := rest.ReadBody(w, r, &in); err != nil {
		return nil, err
	}
	parameters := struct{ SampleCount int }{1} // the others are taken and not used
	if len(in.Parameters) > 0 && json.Unmarshal(in.Parameters, &parameters) != nil {
		return nil, rest.Invalid("parameters must be an object with a number as sampleCount.")
	}
	hook, err := readWebhookConfig(in.WebhookConfig)
	switch {
	case err != nil:
		return nil, err
	case len(in.Instances) != 1:
		return nil, rest.Invalid("instances must have one element.")
	case parameters.SampleCount < 1 || parameters.SampleCount > maxSamples:
		return nil, rest.Invalid("parameters.sampleCount must be between 1 and %d.", maxSamples)
	}
	return &video{hook: hook, samples: parameters.SampleCount}, nil
}

func (s *Server) createVideo(w http.ResponseWriter, r *http.Request, model string) (any, *rest.Error) {
	v, err := readVideo(w, r)
	if err != nil {
		return nil, err
	}
	v.model, v.form = model, s.opts.VideoFor(model)
	setDefault(&v.form.Bytes, int64(len(videoHead)))
	s.mu.Lock()
	v.header = s.newHeader("operation", "", 12)
	s.videos.all = append(s.videos.all, v)
	s.mu.Unlock()
	return map[string]any{"name": v.name()}, s.startJob(func() { s.endVideo(v) })
}

// endVideo stores the files and sends the event, which names the first one.
func (s *Server) endVideo(v *video) {
	s.mu.Lock()
	for range v.samples {
		f := &file{mime: "video/mp4", size: v.form.Bytes, open: func() io.ReaderAt { return videoContent{} }, result: true}
		s.addFile(f)
		v.files = append(v.files, "files/"+f.id)
	}
	first := v.files[0]
	s.mu.Unlock()
	data := map[string]any{"id": v.name(), "file_name": first, "output_file_uri": downloadURL(first)}
	if s.opts.OldEvents {
		data = map[string]any{"id": v.name(), "file_id": first, "video_uri": downloadURL(first)}
	}
	if !v.form.NoEvent {
		s.announce(v.hook, "video.generated", data)
	}
}

func (v *video) render(*Server) map[string]any {
	out := map[string]any{"name": v.name()}
	if len(v.files) > 0 {
		var samples []map[string]any
		for _, name := range v.files {
			samples = append(samples, map[string]any{"video": map[string]string{"uri": downloadURL(name)}})
		}
		out["done"] = true
		out["response"] = map[string]any{
			"@type":                 typePrefix + "PredictLongRunningResponse",
			"generateVideoResponse": map[string]any{"generatedSamples": samples},
		}
	}
	return out
}
