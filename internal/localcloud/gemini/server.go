package gemini

import (
	"context"
	crand "crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"math/big"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"example.com/gemini-webhook/internal/localcloud/fake"
	"example.com/gemini-webhook/internal/localcloud/rest"
)

const day = 24 * time.Hour

// Server is the simulator. All methods may be called from several goroutines.
type Server struct {
	*fake.Listener
	rest.Calls

	opts       Options
	client     *http.Client
	slots      chan struct{} // one per attempt under way
	background *fake.Background

	mu       sync.Mutex        // guards what follows
	counters map[string]uint64 // per kind of id, how many were made
	uploads  map[string]*upload
	history  []Delivery
	keys     dynamicKeys
	advanced time.Duration // by Advance
	lose     func(Outgoing) bool

	webhooks     collection[*webhook]
	files        collection[*file]
	batches      collection[*batch]
	interactions collection[*interaction]
	videos       collection[*video]
}

// Start runs a simulator with these options; where they cannot work it is ErrOptions.
func Start(opts Options) (_ *Server, err error) {
	s := &Server{opts: opts.withDefaults(), background: fake.NewBackground(), counters: map[string]uint64{}, uploads: map[string]*upload{}}
	s.webhooks.missing = rest.NotFound("Webhook not found. Use the id that create returned, without \"webhooks/\".")
	s.batches.missing = rest.NotFound("Batch not found.")
	s.interactions.missing = rest.NotFound("Interaction not found.")
	s.videos.missing = rest.NotFound("Operation not found.")
	// As for a file that is not yours.
	s.files.missing = &rest.Error{Code: http.StatusForbidden, Status: "PERMISSION_DENIED",
		Message: "You do not have permission to access the File or it may not exist."}
	if err := s.opts.check(); err != nil {
		return nil, err
	}
	if s.opts.Seed == 0 {
		var b [8]byte
		crand.Read(b[:]) // never fails: it aborts the program instead
		s.opts.Seed = binary.BigEndian.Uint64(b[:])
	}
	s.keys = s.newKeys()
	s.client = deliveryClient(s.opts)
	s.slots = make(chan struct{}, maxConcurrent)
	s.Listener, err = fake.HTTP(s.handler())
	return s, err
}

// Close stops listening, gives up batches and deliveries under way and waits for their goroutines. Closing twice is fine.
func (s *Server) Close() error {
	err := s.Listener.Close()
	s.background.Stop()
	s.client.CloseIdleConnections()
	return err
}

// handler routes all requests, after the check of the API key.
func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	s.routeWebhooks(mux)
	s.routeFiles(mux)
	s.routeBatches(mux)
	s.routeInteractions(mux)
	s.routeVideos(mux)
	mux.HandleFunc("GET "+JWKSPath, s.serveJWKS)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		rest.WriteError(w, rest.NotFound("no such method or path in the simulator; see its package documentation"))
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := s.authorize(r); err != nil {
			s.opts.Log.Warn("gemini request refused", "method", r.Method, "status", err.Code)
			rest.WriteError(w, err)
			return
		}
		s.opts.Log.Debug("gemini request", "method", r.Method, "path", r.URL.Path)
		s.forget()
		s.Serve(s.Listener, mux, w, r, func(route string, err *rest.Error) {
			if strings.Contains(route, interactionsPath) {
				writeInteractionError(w, err)
			} else {
				rest.WriteError(w, err)
			}
		})
	})
}

// Advance lets simulated time pass for what Retention bounds, and for nothing else.
func (s *Server) Advance(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advanced += s.scaled(d)
}

// expiry is until when something that is stored now is kept; s.mu must be held.
func (s *Server) expiry() time.Time {
	if s.opts.Retention < 0 {
		return time.Time{}
	}
	return s.opts.Now().Add(s.advanced + s.scaled(s.opts.Retention))
}

// expired compares what expiry gave with now; s.mu must be held.
func (s *Server) expired(at time.Time) bool {
	return !at.IsZero() && s.opts.Now().Add(s.advanced).After(at)
}

// forget deletes the files that have expired.
func (s *Server) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.files.all = slices.DeleteFunc(s.files.all, func(f *file) bool { return s.expired(f.expires) })
}

// authorize checks the API key. The JWKS is public, and the second request of an upload is let in by its upload_id alone,
// as Google does.
func (s *Server) authorize(r *http.Request) *rest.Error {
	if r.URL.Path == JWKSPath || r.URL.Path == uploadPath && r.URL.Query().Has("upload_id") {
		return nil
	}
	key := r.Header.Get("X-Goog-Api-Key")
	switch {
	case key == "":
		return &rest.Error{Code: http.StatusForbidden, Status: "PERMISSION_DENIED",
			Message: "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other form of API consumer identity to call this API."}
	case subtle.ConstantTimeCompare([]byte(key), []byte(s.opts.APIKey)) != 1:
		return &rest.Error{Code: http.StatusUnauthorized, Status: "UNAUTHENTICATED",
			Message: "API key not valid. Please pass a valid API key.",
			Details: []map[string]any{{
				"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID", "domain": "googleapis.com",
				"metadata": map[string]string{"service": "generativelanguage.googleapis.com"},
			}}}
	}
	return nil
}

// startJob ends a job after the time that jobs take.
func (s *Server) startJob(end func()) *rest.Error {
	if !s.background.Go(func(ctx context.Context) {
		if sleep(ctx, s.scaled(s.opts.BatchDuration)) {
			end()
		}
	}) {
		return rest.Closing()
	}
	return nil
}

// scaled is a simulated duration in real time.
func (s *Server) scaled(d time.Duration) time.Duration {
	return time.Duration(float64(d) / s.opts.TimeScale)
}

// sleep waits in real time; false if ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// draw gives the next 32 bytes for a kind of value; the n-th of a kind is always the same for one seed. s.mu must be held.
func (s *Server) draw(kind string) [32]byte {
	s.counters[kind]++
	return derive(s.opts.Seed, kind, s.counters[kind])
}

func derive(seed uint64, kind string, n uint64) [32]byte {
	buf := binary.BigEndian.AppendUint64(nil, seed)
	buf = binary.BigEndian.AppendUint64(buf, n)
	return sha256.Sum256(append(buf, kind...))
}

// drawID is draw as lower case letters and digits, 49 at most. s.mu must be held.
func (s *Server) drawID(kind string, length int) string {
	b := s.draw(kind)
	b[0] |= 0x80 // so that there are as many
	return new(big.Int).SetBytes(b[:]).Text(36)[:length]
}

// drawUUID is draw in the form of a random UUID. s.mu must be held.
func (s *Server) drawUUID(kind string) string {
	b := s.draw(kind)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:16])
}

// random is a generator that depends on nothing but the seed and the name.
func (s *Server) random(name string, n uint64) *rand.Rand {
	return rand.New(rand.NewChaCha8(derive(s.opts.Seed, name, n)))
}
