package devserver

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"example.com/gemini-webhook/internal/batch"
	"example.com/gemini-webhook/internal/endpoint"
	"example.com/gemini-webhook/internal/gcp/secretmanager"
	"example.com/gemini-webhook/internal/gcp/storage"
	"example.com/gemini-webhook/internal/jwks"
	"example.com/gemini-webhook/internal/localcloud"
	"example.com/gemini-webhook/internal/localcloud/fake"
	"example.com/gemini-webhook/internal/localcloud/gemini"
	"example.com/gemini-webhook/internal/localcloud/receiver"
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
	signs    string         // URL of the signer
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
	if err := s.startSigner(); err != nil {
		return nil, err
	}
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

func (s *Server) startSigner() error {
	word := rand.Text()
	l, err := fake.HTTP(s.signer(word))
	if err != nil {
		return err
	}
	s.close = append(s.close, l.Close)
	s.signs = l.URL() + "/" + word
	return nil
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

// Rotate makes a new signing secret; the old one stays for the overlap.
func (s *Server) Rotate(ctx context.Context) error {
	_, err := s.operator.Rotate(ctx, webhookadmin.After24h)
	return err
}

// SetClock sets the sender's clock off this machine's. Fault stale is ten minutes less.
func (s *Server) SetClock(offset time.Duration) { s.faults.offset.Store(int64(offset)) }

// SetFault turns a fault on or off, at once.
func (s *Server) SetFault(name string, on bool) error { return s.faults.set(name, on) }
