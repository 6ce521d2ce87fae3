package e2e

import (
	"math/rand/v2"
	"net/http/httputil"
	"net/url"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"example.com/gemini-webhook/internal/localcloud"
	"example.com/gemini-webhook/internal/localcloud/gemini"
	"example.com/gemini-webhook/internal/localcloud/pubsub"
	"example.com/gemini-webhook/internal/localcloud/push"
)

// soak is a run under faults: both doors as processes of their own, killed and
// replaced all the while, and a ledger of what went in and what came out.
type soak struct {
	*rig         // its child is the public door
	tasks *child // the private door
	door  *front // before it

	clock      clock        // Gemini's
	pushClock  clock        // of push tokens
	tokens     *push.Tokens // of push requests
	certs      *gate        // their key set
	jwks       *gate        // Gemini's
	pathTokens []string
	wire       *wire
	forger     *forger

	books     *books
	again     redelivered
	struck    struck
	begin     time.Time
	logged    time.Time            // when something was logged last
	names     int                  // of resources
	late      *batch               // nil where none is late
	second    string               // id of another webhook
	running   []string             // jobs of the simulator
	stored    map[string][]string  // result objects by resource
	completed map[string]time.Time // when sweep saw it first

	stopReconciler func()
}

// TestSoak runs for SOAK (10m) with SOAK_LINES (1,000,000) lines of results, and
// balances what was announced with what came out.
//
// All the time a fifth of the publish requests fails and reads of storage break
// or stall, messages of the queue are pushed twice at once, deliveries are sent
// twice at once and again later, and strangers forge. Every few seconds a
// process is ended, and a service is taken away or changed: see troubles.
//
// The clocks that step are the senders': Gemini's (timestamps of deliveries, iat
// and exp of its JWTs) and Pub/Sub's (iat and exp of push tokens), which to the
// receiver look like steps of its own. The receiver's clock is the machine's and
// does not step.
func TestSoak(t *testing.T) {
	length, err := time.ParseDuration(os.Getenv("SOAK"))
	if err != nil {
		t.Skip("SOAK does not say how long; make soak does")
	}
	lines := 1_000_000
	if n, err := strconv.Atoi(os.Getenv("SOAK_LINES")); err == nil {
		lines = n
	}
	const mostOutstanding = 150_000 // lines; their results are in this process's memory

	s := newSoak(t)
	s.usual()
	s.announceLate()
	due := func() int { return int(float64(time.Since(s.begin)) / float64(length) * float64(lines)) }
	troubles, endings := deck[trouble]{deal: troubles}, deck[ending]{deal: endings}
	for s.books.opened() < lines || time.Since(s.begin) < length {
		for s.books.opened() < min(lines, due()) && s.books.outstanding() < mostOutstanding {
			s.announceBatch(anyMode(), min(anyOf(1000, 10_000, 30_000), lines-s.books.opened()), anyForm())
		}
		s.announceSmall()
		s.announceEvents("static", "v1a", "jwt")
		s.announceAtEdges()
		s.redeliver(10)
		s.forge()
		s.during(troubles.next(), time.Second, endings.next().of(s))
		s.sweep()
		s.progress(30 * time.Second)
	}
	s.settle()
	s.balance(atLeast)
}

// TestSoakBriefly is the soak's code with a pass of every trouble and ending, so
// that it stays good and the ledger is looked at with every change.
func TestSoakBriefly(t *testing.T) {
	t.Parallel()
	s := newSoak(t)
	s.usual()
	for _, f := range []form{oneObject, windows, gzipped, prefixed} {
		s.announceBatch(anyMode(), 500, f)
	}
	s.announceSmall()
	s.announceEvents(anyMode())
	s.announceAtEdges()
	troubles, endings := troubles(), endings()
	for i, trouble := range troubles {
		end := func() {}
		if each := len(troubles) / len(endings); i%each == 0 && i/each < len(endings) {
			end = endings[i/each].of(s)
			s.redeliver(3)
		}
		if i == len(troubles)/2 {
			s.forge()
		}
		s.during(trouble, 20*time.Millisecond, end)
	}
	s.settle()
	s.balance(figure)
}

// deck deals everything once before anything comes again.
type deck[T any] struct {
	deal func() []T
	left []T
}

func (d *deck[T]) next() T {
	if len(d.left) == 0 {
		d.left = d.deal()
	}
	next := d.left[0]
	d.left = d.left[1:]
	return next
}

func newSoak(t *testing.T) *soak {
	s := &soak{
		books: newBooks(), stored: make(map[string][]string), completed: make(map[string]time.Time),
		begin: time.Now(), logged: time.Now(),
	}
	s.wire = newWire(s.books)
	t.Cleanup(s.wire.base.CloseIdleConnections)
	cloud, err := localcloud.Start(t.Context(), localcloud.Options{
		// A day of Gemini's retries takes three minutes, Pub/Sub's backoff ends at 1.2 s.
		TimeScale: 500,
		Gemini: gemini.Options{
			DisableAfter: -1, DuplicateShare: 0.2, RetryMax: 10 * time.Minute, MaxTextBytes: 200,
			Signing: gemini.SignNewAtOnce, DynamicSigningFor: schemeFor, ResultPointer: gemini.PointerFile, Retention: -1,
			Claims: halfWithoutEvent, BatchFor: func(name string) gemini.BatchOptions { return gemini.BatchOptions{NoEvent: name == untold} },
			Now: s.clock.now, HTTPClient: s.wire.client(),
		},
	})
	must(t, err)
	s.rig = &rig{t: t, cloud: cloud}
	t.Cleanup(s.close)
	s.tokens, err = push.NewTokens(s.pushClock.now)
	must(t, err)
	cloud.Tokens = s.tokens
	s.watch()

	api, err := url.Parse(cloud.Gemini.URL())
	must(t, err)
	proxy := httputil.NewSingleHostReverseProxy(api)
	s.jwks, s.certs = newGate(t, proxy), newGate(t, s.tokens)
	downloads := newGate(t, proxy)
	downloads.fail(s.brokenDownloads(proxy))
	s.env = append(cloud.Env(), "CHUNK_BYTES=262144", "LOG_LEVEL=error",
		"SIGNING_SECRETS="+localcloud.SigningSecret+","+secondSecret,
		"JWKS_URL="+s.jwks.url+gemini.JWKSPath, "PUSH_JWKS_URL="+s.certs.url+push.CertsPath, "GOOGLE_GEMINI_BASE_URL="+downloads.url)

	s.cloud.Secrets.Create(secondSecret)
	s.child = start(t, append(s.env, "DOORS=public")...)
	s.tasks = start(t, append(s.env, "DOORS=tasks")...)
	s.front, s.door = newFront(t, s.child.addr), newFront(t, s.tasks.addr)
	must(t, cloud.Push(t.Context(), "http://"+s.door.addr(), s.books.pushed))
	s.operator, err = cloud.Operator(t.Context())
	must(t, err)
	s.webhook, s.secret, err = s.operator.Register(t.Context(), "soak", s.url()+hookPath)
	must(t, err)
	s.registerSecond()
	s.addToken()
	s.forger = newForger(s)
	s.startReconciler()
	return s
}

// watch enters what is published. Pstest keeps the queue and the dead letters
// only: it would hold gigabytes of results.
func (s *soak) watch() {
	s.cloud.PubSub.Discard(topicName(localcloud.ResultsTopic))
	s.cloud.PubSub.Discard(topicName(localcloud.OutcomesTopic))
	s.cloud.PubSub.Watch(func(p pubsub.Publish) {
		for _, m := range p.Messages {
			switch path.Base(p.Topic) {
			case localcloud.QueueTopic:
				s.books.queued(m)
				s.pushTwice(m)
			case localcloud.DeadLetterTopic:
				s.books.buried(m.GetData())
			default:
				s.books.see(m.GetData(), m.GetAttributes())
			}
		}
	})
}

func topicName(id string) string { return "projects/" + localcloud.Project + "/topics/" + id }

func anyOf[T any](choices ...T) T { return choices[rand.IntN(len(choices))] }

func anyForm() form { return form(rand.IntN(int(forms))) }

func anyMode() string { return anyOf("static", "v1a", "jwt") }

// settle ends all trouble and waits until everything has come out; what does
// not is for the ledger to say.
func (s *soak) settle() {
	s.calm()
	if s.late != nil {
		s.await(func() bool { return s.books.buriedOnes() > 0 })
		s.redriveLate()
	}
	s.wire.finish()
	done := func() bool { return s.books.missing() == "" }
	s.await(done)
	s.stopReconciler()
	must(s.t, s.cloud.Gemini.Close()) // no more repeats
	s.await(done)
}

// await gives the backlog of a soak some time, as long as there is progress.
func (s *soak) await(done func() bool) {
	const still = time.Minute
	before, since := "", time.Now()
	for !done() && time.Since(since) < still {
		if now := s.books.missing(); now != before {
			before, since = now, time.Now()
		}
		s.progress(10 * time.Second)
		time.Sleep(20 * time.Millisecond)
	}
}

// progress logs what is to come, every so often.
func (s *soak) progress(every time.Duration) {
	if time.Since(s.logged) > every {
		s.logged = time.Now()
		s.t.Logf("%v: to come: %s", time.Since(s.begin).Round(time.Second), s.books.missing())
	}
}

// balance prints the ledger and fails where a line of it does not balance.
// Faults are to have struck at least once, or are just logged.
func (s *soak) balance(faults rule) {
	l := slices.Concat(s.books.balance(), s.balanceFaults(faults))
	s.t.Logf("after %v:\n%v", time.Since(s.begin).Round(time.Second), l)
	if broken := l.broken(); len(broken) > 0 {
		s.t.Errorf("do not balance: %q\n%s", broken, strings.Join(s.books.gaps(), "\n"))
	}
}
