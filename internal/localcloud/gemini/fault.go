package gemini

import "example.com/gemini-webhook/internal/localcloud/rest"

// Op is one call and Fault what goes wrong with it, see Server.Fail.
type (
	Op    = rest.Op
	Fault = rest.Fault
)

// Outgoing is an event on its way to one webhook, or to one URI of a webhook_config.
type Outgoing struct {
	ID        string // webhook-id
	WebhookID string // empty for a URI
	EventType string
	Body      []byte // must not be changed
}

// Lose installs a hook that is asked once for each delivery, before its first attempt, whether it is lost for good: then it
// is never attempted and no Delivery tells of it. A nil hook removes it.
func (s *Server) Lose(hook func(Outgoing) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lose = hook
}

// loses asks the hook.
func (s *Server) loses(m message) bool {
	s.mu.Lock()
	hook := s.lose
	s.mu.Unlock()
	return hook != nil && hook(Outgoing{ID: m.id, WebhookID: m.hookID, EventType: m.eventType, Body: m.body})
}

// disable is what failed deliveries do to a webhook; s.mu must be held.
func (s *Server) disable(hook *webhook) {
	hook.state, hook.updated = stateFailed, s.opts.Now()
}

// Disable puts a webhook into the state that failed deliveries put it into. Error: ErrNotFound.
func (s *Server) Disable(webhookID string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	hook, err := s.webhooks.find(webhookID)
	if err != nil {
		return ErrNotFound
	}
	s.disable(hook)
	return nil
}
