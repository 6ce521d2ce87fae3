package e2e

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"example.com/gemini-webhook/internal/localcloud"
	"example.com/gemini-webhook/internal/localcloud/gcs"
	"example.com/gemini-webhook/internal/localcloud/pubsub"
	"example.com/gemini-webhook/internal/localcloud/secrets"
	"example.com/gemini-webhook/internal/webhookadmin"
)

// Shares of publish requests, storage operations and downloads that fail all
// the time; and of the publish requests that fail, those that are refused for
// good, which ends a task.
const (
	publishFaults  = 0.2
	refusals       = 0.05
	storageFaults  = 0.05
	downloadFaults = 0.2
)

// struck counts faults by their names.
type struck struct {
	mu     sync.Mutex
	counts map[string]int
}

func (c *struck) add(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.counts == nil {
		c.counts = make(map[string]int)
	}
	c.counts[what]++
}

func (c *struck) get(what string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.counts[what]
}

// usual is what fails all the time.
func (s *soak) usual() { s.faults(publishFaults, storageFaults) }

// faults let shares of publish requests and of storage operations fail.
func (s *soak) faults(publishes, operations float64) {
	// What the client tries again by itself.
	retried := []codes.Code{codes.Unavailable, codes.Aborted, codes.Internal, codes.ResourceExhausted}
	s.cloud.PubSub.SetHook(pubsub.Hook{Before: func(pubsub.Publish) error {
		s.struck.add("publish requests")
		if rand.Float64() < publishes {
			s.struck.add("publish requests that failed")
			if rand.Float64() < refusals {
				return status.Error(codes.PermissionDenied, "on purpose")
			}
			return status.Error(anyOf(retried...), "on purpose")
		}
		return nil
	}})
	s.cloud.Storage.Fail(func(op gcs.Op) *gcs.Fault {
		s.struck.add("storage operations")
		if rand.Float64() >= operations {
			return nil
		}
		s.struck.add("storage operations that broke or stalled")
		faults := []*gcs.Fault{{Delay: 200 * time.Millisecond}}
		for _, code := range transientCodes {
			faults = append(faults, &gcs.Fault{Status: code})
		}
		if op.Kind == gcs.OpInsert { // the object is there, and the answer is lost
			faults = append(faults, &gcs.Fault{Cut: gcs.CutReset})
		}
		if op.Kind == gcs.OpRead && op.Length != 0 {
			faults = append(faults, &gcs.Fault{Cut: gcs.CutReset, CutAfter: 1000}, &gcs.Fault{Cut: gcs.CutShort, CutAfter: 1000},
				&gcs.Fault{Stall: 300 * time.Millisecond, StallAfter: 500})
		}
		fault := anyOf(faults...)
		if fault.Status != 0 {
			s.struck.add(storageAnswer(fault.Status))
		}
		return fault
	})
}

// transientCodes are the answers of Cloud Storage after which the same may succeed.
var transientCodes = []int{408, 429, 500, 502, 503, 504}

func storageAnswer(code int) string { return fmt.Sprint("storage operations answered ", code) }

// forget deletes half of the state objects of that name, of what is not done with.
func (s *soak) forget(part string) {
	for _, o := range s.cloud.Storage.List(localcloud.StateBucket, "") {
		key := strings.Split(o.Name, "/")[1] // of a job's owner none: without it a job may be published by both ways
		if strings.Contains(o.Name, part) && rand.IntN(2) == 0 && s.books.forgotten(key) {
			s.struck.add(stateDeleted)
			s.cloud.Storage.Delete(localcloud.StateBucket, o.Name)
		}
	}
}

const stateDeleted = "state objects deleted"

// gate stands before a server and can take it away.
type gate struct {
	url  string
	next http.Handler

	mu    sync.Mutex
	fault http.HandlerFunc // nil: none
}

func newGate(t testing.TB, next http.Handler) *gate {
	g := &gate{next: next}
	server := httptest.NewServer(g)
	t.Cleanup(server.Close)
	g.url = server.URL
	return g
}

func (g *gate) fail(fault http.HandlerFunc) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.fault = fault
}

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	fault := g.fault
	g.mu.Unlock()
	if fault != nil {
		fault(w, r)
		return
	}
	g.next.ServeHTTP(w, r)
}

// outages are the ways in which a key set cannot be had.
var outages = map[string]http.HandlerFunc{
	"unavailable": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) },
	"silent":      func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
	"cut off":     func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	"nonsense": func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("<html>down for maintenance</html>"))
	},
	"empty": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"keys":[]}`)) },
}

// trouble happens to a service for a moment, or for good.
type trouble struct {
	name   string
	begin  func(*soak)
	repair func(*soak) // nil: there is nothing to repair
}

// troubles are all that there are besides what fails all the time and the ends
// of processes.
func troubles() (all []trouble) {
	add := func(name string, begin, repair func(*soak)) { all = append(all, trouble{name, begin, repair}) }
	for name, f := range map[string]secrets.Fault{
		"unavailable": {Err: status.Error(codes.Unavailable, "on purpose")},
		"silent":      {Delay: time.Hour},
		"denies":      {Err: status.Error(codes.PermissionDenied, "on purpose")},
	} {
		add("Secret Manager "+name, func(s *soak) {
			s.cloud.Secrets.Fail(func(secrets.Op) *secrets.Fault {
				s.struck.add("calls of Secret Manager that failed")
				return &f
			})
		}, func(s *soak) { s.cloud.Secrets.Fail(nil) })
	}
	for name, outage := range outages {
		counted := func(s *soak, whose string) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				s.struck.add("fetches of " + whose + " keys that failed")
				outage(w, r)
			}
		}
		add("Gemini's keys "+name, func(s *soak) { s.jwks.fail(counted(s, "Gemini's")) }, func(s *soak) { s.jwks.fail(nil) })
		add("push keys "+name, func(s *soak) { s.certs.fail(counted(s, "push")) }, func(s *soak) { s.certs.fail(nil) })
	}
	add("Gemini's keys rotated", func(s *soak) { s.cloud.Gemini.RotateKeys() }, nil)
	add("push keys rotated", func(s *soak) { must(s.t, s.tokens.Rotate()) }, nil)
	add("signing secret rotated", (*soak).rotateSecret, nil)
	add("path token added", (*soak).addToken, nil)
	for name, offset := range map[string]time.Duration{
		"4:50 fast": tolerance - 10*time.Second, "4:50 slow": 10*time.Second - tolerance, "10:00 fast": 2 * tolerance, "10:00 slow": -2 * tolerance,
	} {
		add("Gemini's clock "+name, func(s *soak) { s.jobsEnded(); s.clock.step(offset) }, func(s *soak) { s.clock.step(0) })
	}
	for name, offset := range map[string]time.Duration{"0:20 fast": 20 * time.Second, "2:00 fast": 2 * time.Minute, "2:00:00 slow": -2 * time.Hour} {
		add("Pub/Sub's clock "+name, func(s *soak) { s.pushClock.step(offset) }, func(s *soak) { s.pushClock.step(0) })
	}
	for _, part := range []string{"", "/plan", "/range/", "queued", "/flag/"} {
		add(fmt.Sprintf("state deleted: *%s*", part), func(s *soak) { s.forget(part) }, nil)
	}
	add("webhooks disabled by Gemini", (*soak).disable, (*soak).enabledAgain)
	add("Pub/Sub gone", func(s *soak) { s.faults(1, storageFaults) }, (*soak).usual)
	add("storage gone", func(s *soak) { s.faults(publishFaults, 1) }, (*soak).usual)
	rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

// during ends a process in the middle of some trouble.
func (s *soak) during(t trouble, pause time.Duration, end func()) {
	s.struck.add(t.name)
	t.begin(s)
	time.Sleep(pause / 2)
	end()
	time.Sleep(pause / 2)
	if t.repair != nil {
		t.repair(s)
	}
}

// brokenDownloads is the Gemini API, of which some downloads are refused or end
// in the middle.
func (s *soak) brokenDownloads(api http.Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if rand.Float64() >= downloadFaults {
			api.ServeHTTP(w, r)
			return
		}
		s.struck.add("downloads that broke")
		if rand.IntN(2) == 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write([]byte(`{"key":"b0-0","resp`))
		_ = http.NewResponseController(w).Flush() // whoever hung up does not get it
		panic(http.ErrAbortHandler)
	}
}

// pushTwice pushes some messages of the queue twice at once, beside Pub/Sub.
func (s *soak) pushTwice(m *pubsubpb.PubsubMessage) {
	if rand.Float64() >= twinShare {
		return
	}
	env := environment(s.cloud)
	for range 2 {
		s.books.pushedTwice(m.GetMessageId())
		s.wire.begin(func() {
			token, err := s.tokens.Mint(env["PUSH_AUDIENCE"], env["PUSH_SERVICE_ACCOUNT"])
			if err != nil {
				s.t.Error(err)
				return
			}
			s.struck.add("pushes beside Pub/Sub's")
			_, _ = trySend(s.t, http.MethodPost, "http://"+s.door.addr()+"/tasks/process", bearer(token), envelope(m, 1))
		})
	}
}

func (s *soak) rotateSecret() {
	secret, err := s.operator.Rotate(s.t.Context(), webhookadmin.After24h)
	must(s.t, err)
	s.secret = secret
}

func (s *soak) addToken() {
	token, err := s.operator.CreateToken(s.t.Context())
	must(s.t, err)
	s.pathTokens = append(s.pathTokens, token)
}
