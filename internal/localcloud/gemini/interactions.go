package gemini

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
)

// Statuses of an interaction, as far as the simulator has them.
const (
	interactionRunning   = "in_progress"
	interactionCompleted = "completed"
	interactionCancelled = "cancelled"
)

// interaction is one that runs in the background; Server.mu guards what changes after its creation.
type interaction struct {
	header
	model, agent string // one of them
	size         int    // bytes of the input
	hook         webhookConfig

	status, output string
}

func (s *Server) routeInteractions(mux *http.ServeMux) {
	mux.Handle("POST /v1beta/interactions", interactionMethod(s.createInteraction))
	mux.Handle("GET /v1beta/interactions/{id}", interactionMethod(get(s, &s.interactions)))
	mux.Handle("DELETE /v1beta/interactions/{id}", interactionMethod(remove(s, &s.interactions, func(i *interaction) {
		if i.status == interactionRunning { // it ends without an event
			i.status = interactionCancelled
		}
	})))
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

// interactionIgnored are the fields of a create request, as the SDK has them, that are taken and not used.
var interactionIgnored = []string{
	"agent_config", "cached_content", "continuation_token", "environment", "generation_config", "labels", "previous_interaction_id",
	"response_format", "response_mime_type", "response_modalities", "safety_settings", "service_tier", "store", "system_instruction", "tools",
}

// interactionFields are the others.
type interactionFields struct {
	Model         string          `json:"model"`
	Agent         string          `json:"agent"`
	Background    bool            `json:"background"`
	Stream        bool            `json:"stream"`
	Input         json.RawMessage `json:"input"`
	WebhookConfig json.RawMessage `json:"webhook_config"`
}

// readInteraction decodes and checks a create request.
func readInteraction(w http.ResponseWriter, r *http.Request) (*interaction, *apiError) {
	var in interactionFields
	if err := readBody(w, r, &in, interactionIgnored...); err != nil {
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
	i.header = s.newHeader("interaction", "v1_", 40)
	s.interactions.all = append(s.interactions.all, i)
	out := i.render(s)
	s.mu.Unlock()
	return out, s.startJob(func() { s.endInteraction(i, interactionCompleted) })
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

// cancelInteraction ends an interaction at once; on one that has ended it does nothing.
func (s *Server) cancelInteraction(w http.ResponseWriter, r *http.Request) (any, *apiError) {
	s.mu.Lock()
	i, err := s.interactions.find(r.PathValue("id"))
	s.mu.Unlock()
	if err != nil {
		return nil, err
	}
	s.endInteraction(i, interactionCancelled)
	return get(s, &s.interactions)(w, r)
}

func (i *interaction) render(*Server) map[string]any {
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
