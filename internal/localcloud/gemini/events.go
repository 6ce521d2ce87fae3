package gemini

import (
	"net/http"
	"slices"
	"strings"

	"example.com/gemini-webhook/internal/localcloud/rest"
)

// EmitOptions refine Emit and EmitTo. The zero value is a plain event.
type EmitOptions struct {
	// UserMetadata is returned with the event, as for a job that had some.
	UserMetadata map[string]any
	// Webhooks limits the event to these ids, whatever they subscribe to.
	Webhooks []string
	// ID is the webhook-id to use, the same for all webhooks; empty: a fresh one for each.
	ID string
	// Scheme is how EmitTo signs; empty: as Options say. Emit does not use it.
	Scheme Scheme
}

// envelope is the body of an event.
type envelope struct {
	Type         string         `json:"type"`
	Version      string         `json:"version"`
	Timestamp    string         `json:"timestamp"`
	Data         any            `json:"data"`
	UserMetadata map[string]any `json:"user_metadata,omitempty"`
}

// Emit sends an event of any type, known or not, to the enabled webhooks that want it (package comment), and returns the
// webhook-id of each; none wanting it is no error. It does not wait for the deliveries. Errors: ErrNotFound, ErrClosed, or
// data that is no JSON.
func (s *Server) Emit(eventType string, data any, opts EmitOptions) ([]string, error) {
	body, err := s.encodeEvent(eventType, data, opts.UserMetadata)
	if err != nil {
		return nil, err
	}
	return s.send(eventType, body, opts)
}

func (s *Server) encodeEvent(eventType string, data any, metadata map[string]any) ([]byte, error) {
	timestamp := s.opts.Now().UTC().Format("2006-01-02T15:04:05Z")
	return rest.Marshal(envelope{Type: eventType, Version: "v1", Timestamp: timestamp, Data: data, UserMetadata: metadata})
}

// send picks the webhooks and begins a delivery to each.
func (s *Server) send(eventType string, body []byte, opts EmitOptions) ([]string, error) {
	s.mu.Lock()
	if s.background.Context().Err() != nil {
		s.mu.Unlock()
		return nil, ErrClosed
	}
	for _, id := range opts.Webhooks {
		if _, err := s.webhooks.find(id); err != nil {
			s.mu.Unlock()
			return nil, ErrNotFound
		}
	}
	var messages []message
	for _, hook := range s.webhooks.all {
		wanted := hook.wants(eventType)
		if len(opts.Webhooks) > 0 {
			wanted = slices.Contains(opts.Webhooks, hook.id)
		}
		if wanted && hook.state == stateEnabled {
			messages = append(messages, s.newMessage(destination{hookID: hook.id}, eventType, body, opts.ID))
		}
	}
	s.mu.Unlock()
	var ids []string
	for _, m := range messages {
		if !s.deliver(m) {
			return ids, ErrClosed
		}
		ids = append(ids, m.id)
	}
	return ids, nil
}

// wants reports whether an event of this type goes to the webhook.
func (h *webhook) wants(eventType string) bool {
	if slices.Contains(subscribable, eventType) {
		return slices.Contains(h.events, eventType)
	}
	family, _, _ := strings.Cut(eventType, ".")
	ofFamily := func(event string) bool { return strings.HasPrefix(event, family+".") }
	return !slices.ContainsFunc(subscribable, ofFamily) || slices.ContainsFunc(h.events, ofFamily)
}

func (s *Server) pingWebhook(w http.ResponseWriter, r *http.Request, id string) (any, *rest.Error) {
	if err := rest.ReadBody(w, r, &rest.Empty{}); err != nil {
		return nil, err
	}
	body, err := s.encodeEvent("webhook.ping", map[string]any{"id": id}, nil)
	if err != nil {
		return nil, rest.Invalid("the ping cannot be encoded")
	}
	s.mu.Lock()
	if _, missing := s.webhooks.find(id); missing != nil {
		s.mu.Unlock()
		return nil, missing
	}
	ping := s.newMessage(destination{hookID: id, regardless: true}, "webhook.ping", body, "")
	s.mu.Unlock()
	s.deliver(ping)
	return rest.Empty{}, nil
}
