package gemini

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// Statuses of an interaction, as far as the simulator has them.
const (
	interactionRunning   = "in_progress"
	interactionCompleted = "completed"
	interactionCancelled = "cancelled"
)

// interaction is one that runs in the background; Server.mu guards what changes after its creation.
type interaction struct {
	seq          uint64
	id           string
	model, agent string // one of them
	size         int    // bytes of the input
	hook         webhookConfig
	created      time.Time

	status  string
	updated time.Time
	output  string
}

func (s *Server) routeInteractions(mux *http.ServeMux) {
	mux.Handle("POST /v1beta/interactions", interactionMethod(s.createInteraction))
	mux.Handle("GET /v1beta/interactions/{id}", interactionMethod(s.getInteraction))
	mux.Handle("DELETE /v1beta/interactions/{id}", interactionMethod(s.deleteInteraction))
	mux.Handle("POST /v1beta/interactions/{id}/cancel", interactionMethod(s.cancelInteraction))
}

// interactionMethod is a method whose errors have the Interactions API's own shape, in which the code is a text.
type interactionMethod method

func (m interactionMethod) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	out, err := m(w, r)
	if err != nil {
		writeJSON(w, err.Code, map[string]any{"error": map[string]string{"code": strings.ToLower(err.Status), "message": err.Message}})
		return
	}
	writeJSON(w, http.StatusOK, out)
}

// interactionFields are those of a create request, as the SDK has them.
type interactionFields struct {
	Model         string          `json:"model"`
	Agent         string          `json:"agent"`
	Background    bool            `json:"background"`
	Stream        bool            `json:"stream"`
	Input         json.RawMessage `json:"input"`
	WebhookConfig json.RawMessage `json:"webhook_config"`

	// Taken and not used.
	AgentConfig           json.RawMessage `json:"agent_config"`
	CachedContent         json.RawMessage `json:"cached_content"`
	ContinuationToken     json.RawMessage `json:"continuation_token"`
	Environment           json.RawMessage `json:"environment"`
	GenerationConfig      json.RawMessage `json:"generation_config"`
	Labels                json.RawMessage `json:"labels"`
	PreviousInteractionID json.RawMessage `json:"previous_interaction_id"`
	ResponseFormat        json.RawMessage `json:"response_format"`
	ResponseMIMEType      json.RawMessage `json:"response_mime_type"`
	ResponseModalities    json.RawMessage `json:"response_modalities"`
	SafetySettings        json.RawMessage `json:"safety_settings"`
	ServiceTier           json.RawMessage `json:"service_tier"`
	Store                 json.RawMessage `json:"store"`
	SystemInstruction     json.RawMessage `json:"system_instruction"`
	Tools                 json.RawMessage `json:"tools"`
}

// readInteraction decodes and checks a create request.
func readInteraction(w http.ResponseWriter, r *http.Request) (*interaction, *apiError) {
	var in interactionFields
	if err := readBody(w, r, &in); err != nil {
		return nil, err
	}
	hook, err := readWebhookConfig(in.WebhookConfig)
	switch {
	case err != nil:
		return nil, err
	case (in.Model == "") == (in.Agent == ""):
		return nil, invalid("Exactly one of model and agent must be given.")
	case len(in.Input) == 0 || bytes.Equal(in.Input, []byte("null")):
		return nil, invalid("input must be given.")
	case !in.Background || in.Stream:
		return nil, invalid("Only interactions with background: true and without stream are simulated.")
	}
	return &interaction{model: in.Model, agent: in.Agent, size: len(in.Input), hook: hook, status: interactionRunning}, nil
}

func (s *Server) createInteraction(w http.ResponseWriter, r *http.Request) (any, *apiError) {
	i, err := readInteraction(w, r)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	i.id = "v1_" + s.drawID("interaction", 40)
	i.seq = s.counters["interaction"]
	i.created = s.opts.Now()
	i.updated = i.created
	s.interactions[i.id] = i
	out := i.render()
	s.mu.Unlock()
	if !s.spawn(func(ctx context.Context) {
		if sleep(ctx, s.scaled(s.opts.BatchDuration)) {
			s.endInteraction(i, interactionCompleted)
		}
	}) {
		return nil, closing()
	}
	return out, nil
}

// endInteraction brings an interaction to its last status and sends the event, unless it has ended before.
func (s *Server) endInteraction(i *interaction, status string) {
	s.mu.Lock()
	if i.status != interactionRunning {
		s.mu.Unlock()
		return
	}
	i.status, i.updated = status, s.opts.Now()
	if status == interactionCompleted {
		i.output = prose(s.random("interaction", i.seq), s.opts.MaxTextBytes)
	}
	s.mu.Unlock()
	s.announce(i.hook, "interaction."+status, map[string]any{"id": i.id})
}

// interactionByID finds an interaction; s.mu must be held.
func (s *Server) interactionByID(id string) (*interaction, *apiError) {
	if i := s.interactions[id]; i != nil {
		return i, nil
	}
	return nil, notFound("Interaction not found.")
}

func (s *Server) getInteraction(_ http.ResponseWriter, r *http.Request) (any, *apiError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, err := s.interactionByID(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	return i.render(), nil
}

// deleteInteraction forgets an interaction; one that still ran ends without an event.
func (s *Server) deleteInteraction(_ http.ResponseWriter, r *http.Request) (any, *apiError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, err := s.interactionByID(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	delete(s.interactions, i.id)
	if i.status == interactionRunning {
		i.status = interactionCancelled
	}
	return empty{}, nil
}

// cancelInteraction ends an interaction at once; on one that has ended it does nothing.
func (s *Server) cancelInteraction(w http.ResponseWriter, r *http.Request) (any, *apiError) {
	s.mu.Lock()
	i, err := s.interactionByID(r.PathValue("id"))
	s.mu.Unlock()
	if err != nil {
		return nil, err
	}
	s.endInteraction(i, interactionCancelled)
	return s.getInteraction(w, r)
}

// render is the interaction as get shows it; Server.mu must be held.
func (i *interaction) render() map[string]any {
	const form = "2006-01-02T15:04:05Z"
	out := map[string]any{
		"id": i.id, "status": i.status, "created": i.created.UTC().Format(form), "updated": i.updated.UTC().Format(form),
	}
	if i.model != "" {
		out["model"] = i.model
	} else {
		out["agent"] = i.agent
	}
	if i.status == interactionCompleted {
		out["steps"] = []any{map[string]any{"type": "model_output", "content": []any{map[string]string{"type": "text", "text": i.output}}}}
		in, answer := 1+i.size/bytesPerToken, 1+len(i.output)/bytesPerToken
		out["usage"] = map[string]int{"total_input_tokens": in, "total_output_tokens": answer, "total_tokens": in + answer}
	}
	return out
}
