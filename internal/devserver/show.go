package devserver

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"example.com/gemini-webhook/internal/explain"
	"example.com/gemini-webhook/internal/localcloud"
	"example.com/gemini-webhook/internal/vectors"
)

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
		{"WEBHOOK_SIGNER_URL", s.signs, "where webhookctl trigger has v1a and jwt signed"},
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
