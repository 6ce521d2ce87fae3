package gemini

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"example.com/gemini-webhook/internal/localcloud/rest"
)

// Scheme is how a delivery is signed, under the name that the receiver has for it.
type Scheme string

// The three schemes. Dynamic deliveries have one of the last two.
const (
	// SchemeHMAC is that of registered webhooks: "v1,", HMAC-SHA256 with the webhook's secret.
	SchemeHMAC Scheme = "hmac-sha256"
	// SchemeEd25519 is what was observed live: "v1a,", Ed25519 over id.timestamp.body by one of three keys of the JWKS.
	SchemeEd25519 Scheme = "ed25519"
	// SchemeRS256 is what Google documents: a JWT in webhook-signature, its kid in the JWKS.
	SchemeRS256 Scheme = "rs256"
)

// webhookConfig is a job's: its URIs replace the registered webhooks, its metadata comes back with each event.
type webhookConfig struct {
	URIs         []string       `json:"uris"`
	UserMetadata map[string]any `json:"user_metadata"`
}

// readWebhookConfig decodes the field of a create request; its errors show no URI.
func readWebhookConfig(raw json.RawMessage) (webhookConfig, *rest.Error) {
	var c webhookConfig
	if len(raw) == 0 {
		return c, nil
	}
	if err := rest.Decode(raw, &c); err != nil {
		return webhookConfig{}, err
	}
	if slices.ContainsFunc(c.URIs, func(uri string) bool { return !deliverable(uri) }) {
		return webhookConfig{}, rest.Invalid("webhook_config.uris must be absolute https URLs (http on loopback addresses).")
	}
	return c, nil
}

// render is the field as batches show it.
func (c webhookConfig) render() map[string]any {
	out := map[string]any{} // what is empty is left out
	if len(c.URIs) > 0 {
		out["uris"] = c.URIs
	}
	if len(c.UserMetadata) > 0 {
		out["userMetadata"] = c.UserMetadata
	}
	return out
}

// announce sends an event of a job: to each of its own URIs where it has some, else to the registered webhooks.
func (s *Server) announce(c webhookConfig, eventType string, data map[string]any) {
	body, err := s.encodeEvent(eventType, data, c.UserMetadata)
	if err == nil && len(c.URIs) == 0 {
		_, err = s.send(eventType, body, EmitOptions{})
	}
	for _, uri := range c.URIs {
		if err == nil {
			_, err = s.sendTo(uri, eventType, body, EmitOptions{})
		}
	}
	if err != nil {
		s.opts.Log.Error("gemini event not sent", "type", eventType, "error", err)
	}
}

// EmitTo sends an event of any type to a URI, genuinely signed with the keys of the JWKS, and returns its webhook-id: what
// any other customer of Gemini can cause with a job of his own. It does not wait for the delivery. opts.Webhooks is not
// used. Errors: ErrURI, ErrOptions (of the scheme), ErrClosed, or data that is no JSON.
func (s *Server) EmitTo(uri, eventType string, data any, opts EmitOptions) (id string, err error) {
	if !deliverable(uri) {
		return "", ErrURI
	}
	body, err := s.encodeEvent(eventType, data, opts.UserMetadata)
	if err != nil {
		return "", err
	}
	return s.sendTo(uri, eventType, body, opts)
}

// Sign makes the webhook-signature of a dynamic delivery with the keys of the JWKS. It sends nothing. Errors: ErrOptions (of
// the scheme), or of SchemeRS256 a body that is no JSON object.
func (s *Server) Sign(scheme Scheme, id string, at time.Time, body []byte) (string, error) {
	if !dynamicScheme(scheme) {
		return "", errScheme
	}
	s.mu.Lock()
	signer := dynamicSigner{s.keys, scheme, 0, s.opts.Claims}
	s.mu.Unlock()
	return signer.sign(id, at, body)
}

var errScheme = fmt.Errorf("%w: a dynamic delivery is signed with SchemeEd25519 or SchemeRS256", ErrOptions)

func dynamicScheme(scheme Scheme) bool { return scheme == SchemeEd25519 || scheme == SchemeRS256 }

// sendTo begins a dynamic delivery.
func (s *Server) sendTo(uri, eventType string, body []byte, opts EmitOptions) (id string, err error) {
	to := destination{uri: uri, scheme: opts.Scheme}
	if s.opts.DynamicSigningFor != nil {
		to.scheme = cmp.Or(to.scheme, s.opts.DynamicSigningFor(uri))
	}
	to.scheme = cmp.Or(to.scheme, SchemeEd25519)
	if !dynamicScheme(to.scheme) {
		return "", errScheme
	}
	s.mu.Lock()
	m := s.newMessage(to, eventType, body, opts.ID)
	s.mu.Unlock()
	if !s.deliver(m) {
		return "", ErrClosed
	}
	return m.id, nil
}
