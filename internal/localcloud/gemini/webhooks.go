package gemini

import (
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"example.com/gemini-webhook/internal/localcloud/rest"
)

// States of a webhook.
const (
	stateEnabled  = "enabled"
	stateDisabled = "disabled"
	stateFailed   = "disabled_due_to_failed_deliveries"
)

// subscribable is what subscribed_events accepts, no more (observed in July 2026, and the SDK's list).
var subscribable = []string{
	"batch.succeeded", "batch.expired", "batch.failed",
	"interaction.requires_action", "interaction.completed", "interaction.failed",
	"video.generated",
}

// webhook is a registered webhook; Server.mu guards it.
type webhook struct {
	header
	name, uri string
	events    []string
	state     string
	ring      keyRing
	failures  int // consecutive failed attempts
}

// webhookFields is what a client may send.
type webhookFields struct {
	Name             *string  `json:"name"`
	URI              *string  `json:"uri"`
	SubscribedEvents []string `json:"subscribed_events"`
	State            *string  `json:"state"`
}

// webhookIgnored are the output-only fields: taken and ignored, as Google does.
var webhookIgnored = []string{"id", "signing_secrets", "new_signing_secret", "create_time", "update_time"}

func (s *Server) routeWebhooks(mux *http.ServeMux) {
	mux.Handle("POST /v1beta/webhooks", rest.Method(s.createWebhook))
	mux.Handle("GET /v1beta/webhooks", list(s, &s.webhooks, "webhooks", "next_page_token", nil))
	mux.Handle("GET /v1beta/webhooks/{id}", get(s, &s.webhooks))
	mux.Handle("PATCH /v1beta/webhooks/{id}", rest.Method(s.updateWebhook))
	mux.Handle("DELETE /v1beta/webhooks/{id}", remove(s, &s.webhooks, nil))
	mux.Handle("POST /v1beta/webhooks/{call}", rest.Method(func(w http.ResponseWriter, r *http.Request) (any, *rest.Error) {
		id, verb := rest.SplitVerb(r.PathValue("call"))
		switch verb {
		case "ping":
			return s.pingWebhook(w, r, id)
		case "rotateSigningSecret":
			return s.rotateWebhook(w, r, id)
		}
		return nil, rest.NotFound("webhooks have the methods :ping and :rotateSigningSecret")
	}))
}

func (s *Server) createWebhook(w http.ResponseWriter, r *http.Request) (any, *rest.Error) {
	var in webhookFields
	if err := rest.ReadBody(w, r, &in, webhookIgnored...); err != nil {
		return nil, err
	}
	hook := &webhook{state: stateEnabled} // a state in the body is output only here
	if err := hook.apply(in, []string{"name", "uri", "subscribed_events"}); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	hook.header = s.newHeader("webhook", "wh", 16)
	key := newSecret(s.draw("secret"))
	hook.ring = keyRing{}.rotated(key, time.Time{})
	s.webhooks.all = append(s.webhooks.all, hook)
	out := hook.render(s)
	out["new_signing_secret"] = string(key.Reveal())
	return out, nil
}

func (s *Server) updateWebhook(w http.ResponseWriter, r *http.Request) (any, *rest.Error) {
	var in webhookFields
	if err := rest.ReadBody(w, r, &in, webhookIgnored...); err != nil {
		return nil, err
	}
	mask := in.present()
	if text := rest.Query(r.URL.Query(), "update_mask", "updateMask"); text != "" {
		mask = strings.Split(text, ",")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	hook, err := s.webhooks.find(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	changed := *hook
	if err := changed.apply(in, mask); err != nil {
		return nil, err
	}
	if changed.state == stateEnabled && hook.state != stateEnabled {
		changed.failures = 0
	}
	changed.updated = s.opts.Now()
	*hook = changed
	return hook.render(s), nil
}

func (s *Server) rotateWebhook(w http.ResponseWriter, r *http.Request, id string) (any, *rest.Error) {
	var in struct {
		RevocationBehavior string `json:"revocation_behavior"`
	}
	if err := rest.ReadBody(w, r, &in); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	hook, err := s.webhooks.find(id)
	if err != nil {
		return nil, err
	}
	now := s.opts.Now()
	var until time.Time
	switch strings.ToLower(in.RevocationBehavior) {
	case "", "revoke_previous_secrets_after_h24":
		until = now.Add(s.scaled(day))
	case "revoke_previous_secrets_immediately":
	default:
		return nil, rest.Invalid("revocation_behavior must be revoke_previous_secrets_after_h24 or revoke_previous_secrets_immediately.")
	}
	key := newSecret(s.draw("secret"))
	hook.ring = hook.ring.live(now).rotated(key, until)
	hook.updated = now
	return map[string]string{"secret": string(key.Reveal())}, nil
}

// present names the fields that the body has: what an update without a mask changes.
func (f webhookFields) present() (names []string) {
	if f.Name != nil {
		names = append(names, "name")
	}
	if f.URI != nil {
		names = append(names, "uri")
	}
	if f.SubscribedEvents != nil {
		names = append(names, "subscribed_events")
	}
	if f.State != nil {
		names = append(names, "state")
	}
	return names
}

// apply sets the fields that the mask names; a field that the body lacks is cleared, which only name can be.
func (h *webhook) apply(in webhookFields, mask []string) *rest.Error {
	for _, field := range mask {
		switch rest.SnakeCase(strings.TrimSpace(field)) {
		case "name":
			h.name = ""
			if in.Name != nil {
				h.name = *in.Name
			}
		case "uri":
			if in.URI == nil || !deliverable(*in.URI) {
				return rest.Invalid("uri must be an absolute https URL (http on loopback addresses).")
			}
			h.uri = *in.URI
		case "subscribed_events":
			if len(in.SubscribedEvents) == 0 {
				return rest.Invalid("subscribed_events must name at least one event.")
			}
			for _, event := range in.SubscribedEvents {
				if !slices.Contains(subscribable, event) {
					return rest.Invalid("subscribed_events: unknown event; accepted are %s.", strings.Join(subscribable, ", "))
				}
			}
			h.events = slices.Clone(in.SubscribedEvents)
		case "state":
			if in.State == nil || (*in.State != stateEnabled && *in.State != stateDisabled) {
				return rest.Invalid("state can be set to enabled or disabled.")
			}
			h.state = *in.State
		default:
			return rest.Invalid("update_mask: accepted paths are name, uri, subscribed_events and state.")
		}
	}
	return nil
}

// deliverable reports whether events can be sent there: https, or plain http to this machine, which the real API would refuse.
func deliverable(uri string) bool {
	u, err := url.Parse(uri)
	if err != nil || u.Host == "" || u.Fragment != "" {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	local := u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
	return u.Scheme == "https" || u.Scheme == "http" && local
}

func (h *webhook) render(s *Server) map[string]any {
	var secrets []map[string]string
	for _, key := range h.ring.live(s.opts.Now()) {
		entry := map[string]string{"truncated_secret": key.truncated()}
		if !key.expires.IsZero() {
			entry["expire_time"] = rest.Stamp(key.expires)
		}
		secrets = append(secrets, entry)
	}
	out := map[string]any{
		"id": h.id, "uri": h.uri, "subscribed_events": h.events, "state": h.state, "signing_secrets": secrets,
		"create_time": rest.Stamp(h.created), "update_time": rest.Stamp(h.updated),
	}
	if h.name != "" {
		out["name"] = h.name
	}
	return out
}
