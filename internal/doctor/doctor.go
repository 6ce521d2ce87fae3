// Package doctor looks at a deployed receiver from outside and says for each
// thing whether it is right, and if not, what to do.
//
// It changes nothing, but is not without traces: it sends the public door two or
// three deliveries that it refuses, which are in its log as refused, and it
// leases a message of the dead letters for a moment. What it sees is what the
// APIs say of the configuration. It does not see the environment of the
// functions, roles granted on the project or above it, the contents of custom
// roles, nor how many messages wait (that is Cloud Monitoring's).
//
// No finding holds a secret.
package doctor

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/storage"

	"example.com/gemini-webhook/internal/gcp/secretmanager"
	"example.com/gemini-webhook/internal/secret"
	"example.com/gemini-webhook/internal/webhookadmin"
)

// checkTimeout bounds one check, the retries of Google's clients included.
const checkTimeout = 15 * time.Second

// Deployment is what to look at.
type Deployment struct {
	Project string
	// Prefix begins the names of topics and subscriptions: gemini-webhook.
	Prefix string
	// URL is the address of the public door; the webhook's uri is this or below it.
	URL string
	// Without a TokenSecret, dynamic deliveries are not expected to be accepted.
	SigningSecret, TokenSecret secret.Name
	APIKeySecret               secret.Name // empty: it is not known which
	WithoutAPIKey              bool        // the private door has none, as it should be
	WithoutReconcile           bool        // nothing looks for jobs whose event did not come, as it should be
	VertexLocations            []string    // where jobs of Vertex AI are looked at, may be empty
	StateBucket, ArchiveBucket string
	ResultBuckets              []string // bucket or bucket/prefix/, may be empty
	// The service accounts' e-mail addresses.
	PublicAccount, TasksAccount, PushAccount, ReconcileAccount string
}

// reconciles says whether something should look for jobs whose event did not come:
// there must be jobs to look at.
func (d Deployment) reconciles() bool {
	return !d.WithoutReconcile && (!d.WithoutAPIKey || len(d.VertexLocations) > 0)
}

// Clients are what to look with, with the rights of whoever looks.
type Clients struct {
	HTTP     *http.Client // does not follow redirects
	Secrets  *secretmanager.Client
	Webhooks *webhookadmin.Admin // nil where there is no API key
	// Batches is the Gemini API's list of them; nil where there is no API key.
	Batches interface{ Probe(context.Context) error }
	// Vertex asks Vertex AI for its list of batch jobs in a location.
	Vertex  func(ctx context.Context, location string) error
	PubSub  *pubsub.Client
	Storage *storage.Client
	Now     func() time.Time
}

// Status is how bad a finding is.
type Status string

const (
	// OK: as it should be.
	OK Status = "ok"
	// Warn: it works, but not as it should, or it could not be looked at.
	Warn Status = "warn"
	// Fail: deliveries are refused or lost, or will be, or are open to others.
	Fail Status = "fail"
)

// Finding is what one check came to.
type Finding struct {
	Check  string `json:"check"`
	Status Status `json:"status"`
	Found  string `json:"found"`
	Do     string `json:"do,omitempty"` // the remedy, empty where all is well
}

// Failed says whether any finding is a failure.
func Failed(findings []Finding) bool {
	return slices.ContainsFunc(findings, func(f Finding) bool { return f.Status == Fail })
}

// doctor is one examination.
type doctor struct {
	Deployment
	Clients
}

// Examine runs all checks at once and returns their findings, always in the same
// order. Each check has 15 s. An error of a service is a finding too.
func Examine(ctx context.Context, d Deployment, c Clients) []Finding {
	examination := &doctor{d, c}
	checks := examination.checks()
	found := make([][]Finding, len(checks))
	var all sync.WaitGroup
	for i, check := range checks {
		all.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, checkTimeout)
			defer cancel()
			found[i] = check(ctx)
		})
	}
	all.Wait()
	return slices.Concat(found...)
}

func (d *doctor) checks() []func(context.Context) []Finding {
	one := func(name string, run func(context.Context, *finding)) func(context.Context) []Finding {
		return func(ctx context.Context) []Finding {
			f := newFinding(name)
			run(ctx, f)
			return []Finding{f.Finding}
		}
	}
	checks := []func(context.Context) []Finding{
		one("public door", d.publicDoor),
		one("static deliveries", d.staticDeliveries),
		one("dynamic deliveries", d.dynamicDeliveries),
		one("private door", d.privateDoor),
		one("signing secret", d.signingSecret),
		one("token secret", d.tokenSecret),
		d.webhook,
	}
	topics := []string{"queue", "outcomes", "results", "dead-letters"}
	if d.reconciles() {
		topics = append(topics, "reconcile")
	}
	for _, id := range topics {
		checks = append(checks, one("topic "+d.id(id), func(ctx context.Context, f *finding) { d.topic(ctx, f, id) }))
	}
	checks = append(checks, one("publishers of the queue", d.queuePublishers), one("publisher of outcomes", d.outcomePublisher))
	for _, kind := range []string{"event", "range"} {
		name := d.id("queue-" + kind + "s")
		checks = append(checks, one("subscription "+name, func(ctx context.Context, f *finding) { d.pushSubscription(ctx, f, kind, name) }))
	}
	checks = append(checks,
		one("subscription "+d.id("dead-letters"), d.deadLetterSubscription),
		one("dead letters", d.deadLetters),
		one("grants for dead letters", d.deadLetterGrants),
		one("state bucket", func(ctx context.Context, f *finding) { d.ownBucket(ctx, f, d.StateBucket, state) }),
		one("grants on the state bucket", func(ctx context.Context, f *finding) { d.ownGrants(ctx, f, d.StateBucket, d.workers()...) }),
		one("archive bucket", func(ctx context.Context, f *finding) { d.ownBucket(ctx, f, d.ArchiveBucket, archived) }),
		one("grants on the archive bucket", func(ctx context.Context, f *finding) { d.ownGrants(ctx, f, d.ArchiveBucket, d.TasksAccount) }),
		one("Gemini API key", d.apiKey),
		one("readers of the API key", d.apiKeyReaders),
		one("reconciliation", d.reconciliation),
	)
	if d.reconciles() {
		for _, location := range d.VertexLocations {
			checks = append(checks, one("Vertex AI in "+location, func(ctx context.Context, f *finding) { d.vertex(ctx, f, location) }))
		}
	}
	for _, location := range d.ResultBuckets {
		checks = append(checks, one("result bucket "+location, func(ctx context.Context, f *finding) { d.resultBucket(ctx, f, location) }))
	}
	return checks
}

// id is the name of a topic or subscription.
func (d *doctor) id(suffix string) string { return d.Prefix + "-" + suffix }

// finding is a Finding in the making: ok, until something is wrong.
type finding struct{ Finding }

func newFinding(name string) *finding { return &finding{Finding{Check: name, Status: OK}} }

// ok says what was found where nothing is wrong.
func (f *finding) ok(format string, args ...any) {
	if f.Status == OK {
		f.add(OK, "", fmt.Sprintf(format, args...))
	}
}

func (f *finding) warn(do, format string, args ...any) { f.add(Warn, do, fmt.Sprintf(format, args...)) }
func (f *finding) fail(do, format string, args ...any) { f.add(Fail, do, fmt.Sprintf(format, args...)) }

func (f *finding) add(status Status, do, found string) {
	if f.Status == OK { // what was well is of no interest beside what is not
		f.Found = ""
	}
	if status == Fail || f.Status != Fail {
		f.Status = status
	}
	f.Found = join(f.Found, found)
	if !strings.Contains(f.Do, do) {
		f.Do = join(f.Do, do)
	}
}

func join(text, more string) string {
	if text == "" || more == "" {
		return text + more
	}
	return text + "; " + more
}
