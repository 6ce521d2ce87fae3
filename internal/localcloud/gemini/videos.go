package gemini

import (
	"encoding/json"
	"net/http"
)

// videoContent is the shortest beginning of an MP4 file (its ftyp box).
const videoContent = "\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom"

// video is an operation that generates one; Server.mu guards what changes after its creation.
type video struct {
	header // the id is without models/…/operations/
	model  string
	hook   webhookConfig

	file string // its id, once it is done
}

func (s *Server) routeVideos(mux *http.ServeMux) {
	mux.Handle("GET /v1beta/models/{model}/operations/{id}", get(s, &s.videos))
}

func (v *video) name() string { return "models/" + v.model + "/operations/" + v.id }

// readVideo decodes and checks a create request.
func readVideo(w http.ResponseWriter, r *http.Request) (*video, *apiError) {
	var in struct {
		Instances     []json.RawMessage `json:"instances"`
		Parameters    json.RawMessage   `json:"parameters"` // taken and not used
		WebhookConfig json.RawMessage   `json:"webhook_config"`
	}
	if err := readBody(w, r, &in); err != nil {
		return nil, err
	}
	hook, err := readWebhookConfig(in.WebhookConfig)
	switch {
	case err != nil:
		return nil, err
	case len(in.Instances) != 1:
		return nil, invalid("instances must have one element.")
	}
	return &video{hook: hook}, nil
}

func (s *Server) createVideo(w http.ResponseWriter, r *http.Request, model string) (any, *apiError) {
	v, err := readVideo(w, r)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	v.header, v.model = s.newHeader("operation", "", 12), model
	s.videos.all = append(s.videos.all, v)
	s.mu.Unlock()
	return map[string]any{"name": v.name()}, s.startJob(func() { s.endVideo(v) })
}

// endVideo stores the file and sends the event.
func (s *Server) endVideo(v *video) {
	f := &file{mime: "video/mp4", content: []byte(videoContent), result: true}
	s.mu.Lock()
	s.addFile(f)
	v.file = f.id
	uri := s.videoURI(v)
	s.mu.Unlock()
	s.announce(v.hook, "video.generated", map[string]any{"id": v.name(), "file_name": "files/" + f.id, "output_file_uri": uri})
}

// videoURI is where the finished video can be downloaded; s.mu must be held.
func (s *Server) videoURI(v *video) string {
	return s.URL() + "/v1beta/files/" + v.file + ":download?alt=media"
}

func (v *video) render(s *Server) map[string]any {
	out := map[string]any{"name": v.name()}
	if v.file != "" {
		sample := map[string]any{"video": map[string]string{"uri": s.videoURI(v)}}
		out["done"] = true
		out["response"] = map[string]any{
			"@type":                 typePrefix + "PredictLongRunningResponse",
			"generateVideoResponse": map[string]any{"generatedSamples": []any{sample}},
		}
	}
	return out
}
