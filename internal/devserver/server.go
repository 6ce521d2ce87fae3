package devserver

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/url"
	"strings"
	"time"

	"example.com/gemini-webhook/internal/batch"
	"example.com/gemini-webhook/internal/endpoint"
	"example.com/gemini-webhook/internal/explain"
	"example.com/gemini-webhook/internal/gcp/secretmanager"
	"example.com/gemini-webhook/internal/gcp/storage"
	"example.com/gemini-webhook/internal/jwks"
	"example.com/gemini-webhook/internal/localcloud"
	"example.com/gemini-webhook/internal/localcloud/fake"
	"example.com/gemini-webhook/internal/localcloud/gemini"
	"example.com/gemini-webhook/internal/localcloud/receiver"
	"example.com/gemini-webhook/internal/vectors"
	"example.com/gemini-webhook/internal/webhookadmin"
)

// Gemini's times, for people who wait: a minute takes a second.
const (
	timeScale     = 60
	batchDuration = 2 * time.Minute
	retryBase     = 2 * time.Minute
	retryMax      = 20 * time.Minute
	overlap       = 24 * time.Hour / timeScale

	// attempts of Pub/Sub: what cannot be done is given up after some ten seconds.
	attempts = 8

	tolerance = 5 * time.Minute        // the receiver's default
	tellEvery = 200 * time.Millisecond // of what is published
	hookPath  = "/gemini"
	label     = "dev" // of the path of dynamic deliveries
)

// Options configure a Server; the zero value is ready for use.
type Options struct {
	// Forward is the URL of a receiver of the caller's: what comes is passed on to it, and
	// recorded, in place of the one in this process.
	Forward string
	// Log gets the receiver's log, of which a Detail has its own lines in any case. Default:
	// discarded.
	Log io.Writer
}

// Server is a running one. Its methods are for several goroutines at once.
type Server struct {
	faults   *faults
	changes  *changes
	records  *records
	cloud    *localcloud.Cloud
	operator *localcloud.Operator
	forward  *url.URL // nil: the receiver in this process
	front    *front
	listener *fake.Listener // of the front
	keys     *keyring
	jwks     *jwks.Set
	state    *batch.State
	token    string // in the path of dynamic deliveries
	close    []func() error
}

// Start starts the embedded cloud, the receiver and the front, and registers the webhook.
// It sets the emulators' variables in this process's environment: of one process's
// servers, one at a time can be used. Everything ends with Close.
func Start(ctx context.Context, o Options) (_ *Server, err error) {
	ctx, cancel := context.WithCancel(ctx)
	s := &Server{faults: &faults{}, changes: newChanges()}
	s.records = newRecords(s.changes)
	s.close = append(s.close, func() error { cancel(); return nil })
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if o.Forward != "" {
		if s.forward, err = endpoint.Parse(o.Forward); err != nil {
			return nil, err
		}
	}
	out := &sender{faults: s.faults}
	s.cloud, err = localcloud.Start(ctx, localcloud.Options{TimeScale: timeScale, MaxDeliveryAttempts: attempts, Gemini: gemini.Options{
		BatchDuration: batchDuration, RetryBase: retryBase, RetryMax: retryMax, DisableAfter: -1,
		FailedShare: failedShare, BlockedShare: blockedShare, BatchFor: batchFor,
		Now: s.faults.now, HTTPClient: &http.Client{Transport: out},
	}})
	if err != nil {
		return nil, err
	}
	s.close = append(s.close, s.cloud.Close)
	s.cloud.PubSub.SetHook(s.faults.publishing())
	if err := s.watch(ctx); err != nil {
		return nil, err
	}
	logs := newLogs(s.records, o.Log)
	next, err := s.startReceiver(ctx, logs)
	if err != nil {
		return nil, err
	}
	if s.forward != nil {
		next, logs = forward(s.forward), nil
	}
	s.front = &front{records: s.records, keys: s.keys, faults: s.faults, logs: logs, next: next, word: rand.Text()}
	out.front = s.front
	if s.listener, err = fake.HTTP(s.front); err != nil {
		return nil, err
	}
	s.close = append(s.close, s.listener.Close)
	return s, s.register(ctx)
}

// watch sees what is published, and tells of it now and then.
func (s *Server) watch(ctx context.Context) error {
	for topic, see := range map[string]func([]byte, map[string]string){
		localcloud.QueueTopic:    s.records.queued,
		localcloud.OutcomesTopic: s.records.published,
		localcloud.ResultsTopic:  s.records.published,
	} {
		if err := s.cloud.Watch(ctx, topic, see); err != nil {
			return err
		}
	}
	go func() {
		ticks := time.NewTicker(tellEvery)
		defer ticks.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticks.C:
				s.records.tellWork()
			}
		}
	}()
	return nil
}

// startReceiver starts the receiver, whose private door is pushed to, and what looks into
// its state.
func (s *Server) startReceiver(ctx context.Context, log io.Writer) (http.Handler, error) {
	r, err := receiver.Start(ctx, append(s.receiverEnv(), fmt.Sprintf("CHUNK_BYTES=%d", chunkBytes)), log)
	if err != nil {
		return nil, err
	}
	s.close = append(s.close, r.Close)
	if err := s.cloud.Push(ctx, r.URL(), nil); err != nil {
		return nil, err
	}
	sm, err := secretmanager.NewClientWith(ctx, s.cloud.Secrets.ClientOptions()...)
	if err != nil {
		return nil, err
	}
	s.close = append(s.close, sm.Close)
	s.keys = &keyring{server: s.cloud.Secrets, client: sm, overlap: overlap}
	gcs, err := storage.NewClient(ctx)
	if err != nil {
		return nil, err
	}
	s.close = append(s.close, gcs.Close)
	s.state = batch.NewState(gcs.State(localcloud.StateBucket))
	s.jwks = jwks.New(jwks.Config{
		URL: s.cloud.Gemini.URL() + gemini.JWKSPath, StaleLimit: time.Hour, Now: time.Now, Log: slog.New(slog.DiscardHandler),
	})
	return r, nil
}

// receiverEnv is the environment of a receiver on this cloud. It looks secrets up each
// second, for people rotate and see at once.
func (s *Server) receiverEnv() []string {
	return append(s.cloud.Env(), "SIGNING_SECRET_OVERLAP="+overlap.String(), "SECRET_TTL=1s")
}

// register makes the webhook, its signing secret and a path token.
func (s *Server) register(ctx context.Context) (err error) {
	if s.operator, err = s.cloud.Operator(ctx); err != nil {
		return err
	}
	s.close = append(s.close, s.operator.Close)
	if _, _, err = s.operator.Register(ctx, displayName, s.listener.URL()+s.hookPath()); err != nil {
		return err
	}
	s.token, err = s.operator.CreateToken(ctx)
	return err
}

// Close ends everything.
func (s *Server) Close() error {
	var errs []error
	for i := len(s.close) - 1; i >= 0; i-- {
		errs = append(errs, s.close[i]())
	}
	s.close = nil
	return errors.Join(errs...)
}

// hookPath is the path of the static webhook.
func (s *Server) hookPath() string {
	if s.forward != nil {
		return cmp.Or(s.forward.EscapedPath(), "/")
	}
	return hookPath
}

func (s *Server) dynamicPath() string { return "/dynamic/" + s.token + "/" + label }

// List gives deliveries, the newest first, and whether there are more.
func (s *Server) List(q Query) (ds []Delivery, more bool) { return s.records.list(q) }

// Get gives one delivery; false: it is not kept.
func (s *Server) Get(ctx context.Context, seq int64) (Detail, bool) {
	rec := s.records.find(seq)
	if rec == nil {
		return Detail{}, false
	}
	d, key := s.records.detail(rec)
	d.Report = explain.Explain(ctx, d.Request, explain.Config{
		Secrets: rec.keys.secrets, Tokens: rec.keys.tokens, Keys: s.jwks, Tolerance: tolerance, Now: rec.fixed.At,
	})
	if key != "" {
		d.Work.Plan, d.Work.Ranges = s.plan(ctx, key)
	}
	return d, true
}

// plan is what the state has of an event; nil without a plan.
func (s *Server) plan(ctx context.Context, key string) (*Plan, []Range) {
	v, err := s.state.View(ctx, key)
	if err != nil {
		return nil, nil // there is none (yet)
	}
	p := &Plan{URI: v.Plan.URI, Origin: v.Plan.Origin, Mode: v.Plan.Mode, Made: time.Unix(0, v.Plan.Made)}
	for _, o := range v.Plan.Objects {
		name := o.URI()
		if o.Generation != 0 {
			name = fmt.Sprintf("%s#%d", name, o.Generation)
		}
		p.Objects = append(p.Objects, name)
		p.Bytes += o.Size
	}
	ranges := make([]Range, len(v.Parts))
	for i, part := range v.Parts {
		r := Range{part.Object, part.Start, part.End, part.Done, part.Counts.Total, part.Counts.Failed + part.Counts.Invalid}
		if r.End == math.MaxInt64 {
			r.End = -1
		}
		ranges[i] = r
		if part.Done {
			p.Done++
		} else {
			p.Missing++
		}
	}
	return p, ranges
}

// Rotate makes a new signing secret; the old one stays for the overlap.
func (s *Server) Rotate(ctx context.Context) error {
	_, err := s.operator.Rotate(ctx, webhookadmin.After24h)
	return err
}

// SetClock sets the sender's clock off this machine's. Fault stale is ten minutes less.
func (s *Server) SetClock(offset time.Duration) { s.faults.offset.Store(int64(offset)) }

// SetFault turns a fault on or off, at once.
func (s *Server) SetFault(name string, on bool) error { return s.faults.set(name, on) }

// State says how the server stands.
func (s *Server) State() State {
	now := s.keys.now(context.Background())
	s.records.mu.Lock()
	counts := s.records.counts
	s.records.mu.Unlock()
	return State{
		Clock: s.faults.clock(), Faults: s.faults.list(), Addresses: s.addresses(),
		Secrets: versions(now.secrets), Tokens: versions(now.tokens), Counts: counts,
		Types: vectors.SampleTypes(), Kinds: kinds,
	}
}

// Changes gives the numbers of deliveries that are new or have changed, until ctx is
// over. It never holds anybody up: where the reader is too slow, numbers are left out
// and a 0 says so.
func (s *Server) Changes(ctx context.Context) <-chan int64 { return s.changes.read(ctx) }

// ours are the addresses that the embedded cloud's environment does not have.
func (s *Server) ours() []Address {
	front := s.listener.URL()
	return []Address{
		{"RECEIVER_URL", front, "the public door; what comes is recorded"},
		{"WEBHOOK_URL", front + s.hookPath(), "where Gemini delivers, and static deliveries are posted"},
		{"WEBHOOK_SECRET", newest(s.keys.now(context.Background()).secrets), "the newest signing secret of the static webhook"},
		{"DYNAMIC_WEBHOOK_URL", front + s.pathOf(SchemeV1a), "for a job's webhook_config, with its token"},
		{"GEMINI_API_KEY", localcloud.APIKey, "of the simulated Gemini API"},
	}
}

// addresses are what people use.
func (s *Server) addresses() []Address {
	list := s.ours()
	for _, known := range []Address{
		{Name: "GOOGLE_GEMINI_BASE_URL", What: "the simulated Gemini API, as Google's SDKs read it"},
		{Name: "JWKS_URL", What: "the keys of dynamic deliveries"},
		{Name: "PUBSUB_EMULATOR_HOST", What: "Pub/Sub, as Google's libraries read it"},
		{Name: "GOOGLE_CLOUD_PROJECT", What: "the project of the topics"},
		{Name: "OUTCOMES_TOPIC", What: "the topic of outcomes"},
		{Name: "RESULTS_TOPIC", What: "the topic of lines of batches"},
	} {
		for _, pair := range s.cloud.Env() {
			if name, value, _ := strings.Cut(pair, "="); name == known.Name {
				known.Value = value
			}
		}
		list = append(list, known)
	}
	return list
}

// Env is what a program needs to use the embedded cloud: NAME=value.
func (s *Server) Env() []string {
	env := s.receiverEnv()
	for _, a := range s.ours() {
		env = append(env, a.Name+"="+a.Value)
	}
	return env
}
