package gemini

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"example.com/gemini-webhook/internal/localcloud/model"
	"example.com/gemini-webhook/internal/localcloud/rest"
)

const interactionsPath = "/v1beta/interactions"

// Statuses of an interaction that the simulator itself tells apart.
const (
	interactionRunning   = "in_progress"
	interactionCompleted = "completed"
	interactionAction    = "requires_action"
	interactionFailed    = "failed"
	interactionCancelled = "cancelled"
)

// interactionEvents are the statuses that an event tells of.
var interactionEvents = []string{interactionCompleted, interactionAction, interactionFailed, interactionCancelled}

// interaction is one that runs in the background; Server.mu guards what changes after its creation.
type interaction struct {
	header
	interactionFields
	hook webhookConfig
	form InteractionOptions

	status string
}

func (s *Server) routeInteractions(mux *http.ServeMux) {
	mux.Handle("POST "+interactionsPath, interactionMethod(s.createInteraction))
	mux.Handle("GET "+interactionsPath+"/{id}", interactionMethod(s.getInteraction))
	mux.Handle("DELETE "+interactionsPath+"/{id}", interactionMethod(remove(s, &s.interactions, func(i *interaction) {
		if i.status == interactionRunning { // it ends without an event
			i.status = interactionCancelled
		}
	})))
	mux.Handle("POST "+interactionsPath+"/{id}/cancel", interactionMethod(s.cancelInteraction))
}

// interactionMethod is a method whose errors have the Interactions API's own shape, in which the code is a text.
type interactionMethod rest.Method

func (m interactionMethod) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	out, err := m(w, r)
	if err != nil {
		writeInteractionError(w, err)
		return
	}
	rest.WriteJSON(w, http.StatusOK, out)
}

func writeInteractionError(w http.ResponseWriter, err *rest.Error) {
	rest.WriteJSON(w, err.Code, map[string]any{"error": map[string]string{"code": strings.ToLower(err.Status), "message": err.Message}})
}

// interactionIgnored are the fields of a create request, as the SDK has them, that are taken and not used.
var interactionIgnored = []string{
	"agent_config", "cached_content", "continuation_token", "environment", "generation_config", "response_format", "response_mime_type",
	"response_modalities", "safety_settings", "service_tier", "store", "system_instruction",
}

// interactionFields are the others.
type interactionFields struct {
	Model         string            `json:"model"`
	Agent         string            `json:"agent"`
	Background    bool              `json:"background"`
	Stream        bool              `json:"stream"`
	Input         json.RawMessage   `json:"input"`
	Tools         []json.RawMessage `json:"tools"`
	Labels        map[string]string `json:"labels"`
	Previous      string            `json:"previous_interaction_id"`
	WebhookConfig json.RawMessage   `json:"webhook_config"`
}

// readInteraction decodes and checks a create request.
func readInteraction(w http.ResponseWriter, r *http.Request) (*interaction, *rest.Error) {
	var in interactionFields
	if err := rest.ReadBody(w, r, &in, interactionIgnored...); err != nil {
		return nil, err
	}
	hook, err := readWebhookConfig(in.WebhookConfig)
	switch {
	case err != nil:
		return nil, err
	case (in.Model == "") == (in.Agent == ""):
		return nil, rest.Invalid("Exactly one of model and agent must be given.")
	case len(in.Input) == 0 || bytes.Equal(in.Input, []byte("null")):
		return nil, rest.Invalid("input must be given.")
	case !in.Background || in.Stream:
		return nil, rest.Invalid("Only interactions with background: true and without stream are simulated.")
	}
	in.WebhookConfig = nil // it is never shown
	return &interaction{interactionFields: in, hook: hook, status: interactionRunning}, nil
}

func (s *Server) createInteraction(w http.ResponseWriter, r *http.Request) (any, *rest.Error) {
	i, err := readInteraction(w, r)
	if err != nil {
		return nil, err
	}
	i.form = s.opts.InteractionFor(i.Labels)
	setDefault(&i.form.Status, interactionCompleted)
	s.mu.Lock()
	i.header = s.newHeader("interaction", "v1_", 40)
	s.interactions.all = append(s.interactions.all, i)
	out := i.render(s)
	s.mu.Unlock()
	return out, s.startJob(func() { s.endInteraction(i, i.form.Status) })
}

// endInteraction brings an interaction to its last status and sends the event, unless it has ended before.
func (s *Server) endInteraction(i *interaction, status string) {
	s.mu.Lock()
	if i.status != interactionRunning {
		s.mu.Unlock()
		return
	}
	i.status, i.updated = status, s.opts.Now()
	s.mu.Unlock()
	if i.form.NoEvent || !slices.Contains(interactionEvents, status) {
		return
	}
	data := map[string]any{"id": i.id}
	if status == interactionFailed {
		data["error_code"], data["error_message"] = interactionError["code"], interactionError["message"]
	}
	s.announce(i.hook, "interaction."+status, data)
}

// interactionError is that of an interaction that fails.
var interactionError = map[string]string{"code": "internal", "message": "Internal error encountered."}

// getInteraction shows the input only to those who ask for it.
func (s *Server) getInteraction(w http.ResponseWriter, r *http.Request) (any, *rest.Error) {
	out, err := get(s, &s.interactions)(w, r)
	if fields, ok := out.(map[string]any); ok && r.URL.Query().Get("include_input") != "true" {
		delete(fields, "input")
	}
	return out, err
}

// cancelInteraction ends an interaction at once; on one that has ended it does nothing.
func (s *Server) cancelInteraction(w http.ResponseWriter, r *http.Request) (any, *rest.Error) {
	s.mu.Lock()
	i, err := s.interactions.find(r.PathValue("id"))
	s.mu.Unlock()
	if err != nil {
		return nil, err
	}
	s.endInteraction(i, interactionCancelled)
	return get(s, &s.interactions)(w, r)
}

func (i *interaction) render(s *Server) map[string]any {
	const form = "2006-01-02T15:04:05Z"
	out := map[string]any{
		"id": i.id, "status": i.status, "created": i.created.UTC().Format(form), "updated": i.updated.UTC().Format(form), "input": i.Input,
	}
	for name, value := range map[string]string{"model": i.Model, "agent": i.Agent, "previous_interaction_id": i.Previous} {
		if value != "" {
			out[name] = value
		}
	}
	if len(i.Labels) > 0 {
		out["labels"] = i.Labels
	}
	switch i.status {
	case interactionRunning, interactionCancelled, "queued":
	case interactionFailed:
		out["errors"] = []any{interactionError}
	default:
		i.renderSteps(s, out)
	}
	return out
}

// step is one of an interaction, by its type.
func step(kind string, fields map[string]any) map[string]any {
	fields["type"] = kind
	return fields
}

func textOf(text string) []any { return []any{map[string]string{"type": "text", "text": text}} }

// renderSteps makes up what the model did: it thinks, calls the first tool where some are declared, and answers, unless the
// result of that call is what it waits for.
func (i *interaction) renderSteps(s *Server, out map[string]any) {
	rng := s.random("interaction", i.seq)
	steps := []map[string]any{step("thought", map[string]any{"signature": model.ResponseID(rng), "summary": textOf("It is a question.")})}
	if len(i.Tools) > 0 || i.status == interactionAction {
		steps = append(steps, step("function_call", map[string]any{"id": "call_1", "name": "ask", "arguments": map[string]any{"about": "it"}}))
	}
	in, thought, answered := model.Tokens(len(i.Input)), 5, 0
	if i.status != interactionAction {
		if len(i.Tools) > 0 {
			steps = append(steps, step("function_result", map[string]any{"call_id": "call_1", "name": "ask", "result": map[string]any{"is": "known"}}))
		}
		text := model.Text(rng, s.opts.MaxTextBytes, i.form.OutputBytes)
		steps = append(steps, step("model_output", map[string]any{"content": textOf(text)}))
		answered = model.Tokens(len(text))
	}
	out["steps"] = steps
	out["usage"] = map[string]any{
		"total_input_tokens": in, "total_output_tokens": answered, "total_thought_tokens": thought, "total_tokens": in + thought + answered,
		"input_tokens_by_modality": []map[string]any{{"modality": "text", "tokens": in}},
	}
	if i.status == "requires_continuation" {
		out["continuation_token"] = model.ResponseID(rng)
	}
}
