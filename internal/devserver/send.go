package devserver

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"

	"example.com/gemini-webhook/internal/localcloud/gemini"
	"example.com/gemini-webhook/internal/vectors"
	"example.com/gemini-webhook/verify"
	"example.com/gemini-webhook/verify/verifytest"
)

const sendTimeout = 30 * time.Second

// Trigger sends an event through the front and gives the delivery's number, whatever
// was answered.
func (s *Server) Trigger(ctx context.Context, t Trigger) (seq int64, err error) {
	if t.Scheme == "" {
		t.Scheme = SchemeV1
	}
	body := t.Body
	if body == nil {
		if body, err = sample(t.Type, s.faults.now()); err != nil {
			return 0, err
		}
	}
	return s.sign(ctx, SenderTrigger, 0, s.pathOf(t.Scheme), t.Scheme, body)
}

// freshBytes at the end of a sample's id are replaced, for one event is published once.
const freshBytes = 12

func sample(eventType string, now time.Time) ([]byte, error) {
	made, ok := vectors.Sample(eventType, now)
	if !ok {
		return nil, fmt.Errorf("there is no sample of type %q, only of %s", eventType, strings.Join(vectors.SampleTypes(), ", "))
	}
	body, err := json.Marshal(made)
	if err != nil {
		return nil, err
	}
	id := made["data"].(map[string]any)["id"].(string)
	fresh := strings.ToLower(rand.Text()[:freshBytes])
	return bytes.ReplaceAll(body, []byte(id[len(id)-freshBytes:]), []byte(fresh)), nil
}

// Edit sends another body in place of a delivery's, signed anew under a new
// webhook-id. Scheme "" is the delivery's own.
func (s *Server) Edit(ctx context.Context, seq int64, body []byte, scheme string) (int64, error) {
	rec := s.records.find(seq)
	if rec == nil {
		return 0, ErrNotFound
	}
	path := rec.path
	if scheme == "" {
		scheme = rec.fixed.Scheme
	}
	if scheme == "" {
		scheme = SchemeV1
	}
	if (scheme == SchemeV1) != (rec.fixed.Scheme == SchemeV1) {
		path = s.pathOf(scheme)
	}
	return s.sign(ctx, SenderEdited, seq, path, scheme, body)
}

// Again sends the same bytes again, signature and timestamp included.
func (s *Server) Again(ctx context.Context, seq int64) (int64, error) {
	rec := s.records.find(seq)
	if rec == nil {
		return 0, ErrNotFound
	}
	if rec.note != "" {
		return 0, fmt.Errorf("it cannot be sent again as it came: %s", rec.note)
	}
	r := rec.request()
	for _, hop := range []string{"Connection", "Keep-Alive", "Transfer-Encoding", "Te", "Trailer", "Upgrade", "Content-Length", "Expect"} {
		r.Header.Del(hop)
	}
	return s.send(ctx, SenderAgain, seq, rec.method, rec.path, r.Header, r.Body)
}

// pathOf is where a delivery of a scheme goes.
func (s *Server) pathOf(scheme string) string {
	if scheme == SchemeV1 || s.forward != nil {
		return s.hookPath()
	}
	return s.dynamicPath()
}

// sign sends a body that is signed now, as the sender's clock says.
func (s *Server) sign(ctx context.Context, sender string, of int64, path, scheme string, body []byte) (int64, error) {
	header, err := s.signed(ctx, scheme, "msg_"+strings.ToLower(rand.Text()), body)
	if err != nil {
		return 0, err
	}
	header.Set("Content-Type", "application/json")
	return s.send(ctx, sender, of, http.MethodPost, path, header, body)
}

// signed gives the three headers of a delivery.
func (s *Server) signed(ctx context.Context, scheme, id string, body []byte) (http.Header, error) {
	now := s.faults.now()
	by := map[string]gemini.Scheme{SchemeV1a: gemini.SchemeEd25519, SchemeJWT: gemini.SchemeRS256}[scheme]
	switch {
	case scheme == SchemeV1:
		return verifytest.Static(newest(s.keys.now(ctx).secrets), id, now, body), nil
	case by == "":
		return nil, fmt.Errorf("there is no scheme %q: use %s, %s or %s", scheme, SchemeV1, SchemeV1a, SchemeJWT)
	}
	signature, err := s.cloud.Gemini.Sign(by, id, now, body)
	if err != nil {
		return nil, err
	}
	return verifytest.Headers(id, strconv.FormatInt(now.Unix(), 10), signature), nil
}

// signer signs for other programs on this machine what the receiver is to believe:
// POST SCHEME, with a webhook-id and the body; the answer has the three headers. Its
// address has a word that no page in a browser can know.
func (s *Server) signer(word string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /"+word+"/{scheme}", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if err != nil {
			http.Error(w, "the body could not be read", http.StatusBadRequest)
			return
		}
		header, err := s.signed(r.Context(), r.PathValue("scheme"), r.Header.Get(verify.HeaderID), body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		maps.Copy(w.Header(), header)
		w.WriteHeader(http.StatusNoContent)
	})
	return mux
}

// send sends a request through the front. An answer of any kind is none of its errors.
func (s *Server) send(ctx context.Context, sender string, of int64, method, path string, header http.Header, body []byte) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, s.listener.URL()+path, bytes.NewReader(body))
	if err != nil {
		return 0, errors.New("the request cannot be made")
	}
	r.Header = header
	if r.Header.Get("User-Agent") == "" {
		r.Header.Set("User-Agent", "webhookctl-dev")
	}
	s.front.mark(r.Header, sender, of)
	answer, err := deliveries.RoundTrip(r)
	if err != nil {
		return 0, fmt.Errorf("no answer of the receiver: %w", err)
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, maxAnswer)) // what it says is recorded
	return strconv.ParseInt(answer.Header.Get(headerSeq), 10, 64)
}
