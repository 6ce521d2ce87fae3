package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/iam/apiv1/iampb"
	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/protobuf/types/known/durationpb"

	"example.com/gemini-webhook/handlers"
	"example.com/gemini-webhook/internal/batch"
	"example.com/gemini-webhook/internal/doctor"
	"example.com/gemini-webhook/internal/gcp/secretmanager"
	"example.com/gemini-webhook/internal/jwks"
	"example.com/gemini-webhook/internal/localcloud/gcs"
	"example.com/gemini-webhook/internal/localcloud/gemini"
	"example.com/gemini-webhook/internal/localcloud/secrets"
	"example.com/gemini-webhook/internal/localcloud/vertex"
	"example.com/gemini-webhook/internal/reconcile"
	"example.com/gemini-webhook/internal/secret"
	"example.com/gemini-webhook/internal/secret/store"
	"example.com/gemini-webhook/verify"
)

const (
	deployedSigning = "projects/p/secrets/gemini-webhook-signing-secret"
	deployedToken   = "projects/p/secrets/gemini-webhook-token"
	topics          = "projects/p/topics/gemini-webhook-"
	subscriptions   = "projects/p/subscriptions/gemini-webhook-"
	deployedKey     = "projects/p/secrets/gemini-api-key"
	stateBucket     = "p-gemini-webhook-state"
	archiveBucket   = "p-gemini-webhook-archive"
	resultBucket    = "results"
	agent           = "serviceAccount:service-123456789@gcp-sa-pubsub.iam.gserviceaccount.com"
)

func member(account string) string {
	return "serviceAccount:gemini-webhook-" + account + "@p.iam.gserviceaccount.com"
}

// deployment is a receiver with all that belongs to it, as Terraform makes it,
// in the embedded cloud. Tests break it by its fields.
type deployment struct {
	*testing.T
	store   *secrets.Server
	sm      *secretmanager.Client
	gemini  *gemini.Server
	pubsub  *pubsub.Client
	vertex  *vertex.Server
	objects *gcs.Server
	public  *httptest.Server
	private *httptest.Server

	mu       sync.RWMutex                    // guards what follows, which the servers read
	policies map[string][]*iampb.Binding     // by resource: a topic, a subscription, a bucket
	buckets  map[string]map[string]any       // their attributes, as Cloud Storage answers them
	edit     func(*pubsubpb.Subscription)    // what Pub/Sub says of a subscription
	refuse   func(method, name string) error // what a service refuses; nil: nothing
	door     func(http.Handler) http.Handler // around the public door
	receiver http.Handler                    // the public door, new for every examination
	pushed   int                             // the private door's answer to whoever has no token
}

func deploy(t *testing.T) *deployment {
	t.Helper()
	return deployWith(t, gemini.Options{})
}

func deployWith(t *testing.T, options gemini.Options) *deployment {
	t.Helper()
	d := &deployment{T: t}
	d.store = start(t)
	d.store.Add(deployedKey, []byte(apiKey))
	options.APIKey = apiKey
	g, err := gemini.Start(options)
	must(t, err)
	t.Cleanup(func() { g.Close() })
	d.gemini = g
	d.objects, err = gcs.Start(stateBucket)
	must(t, err)
	t.Cleanup(func() { d.objects.Close() })
	d.vertex, err = vertex.Start(vertex.Options{Project: "p", Storage: struct{ vertex.Storage }{}}) // no job, nothing is stored
	must(t, err)
	t.Cleanup(func() { d.vertex.Close() })
	d.heal()
	d.startPubSub()
	d.startStorage()
	d.private = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(read(d, func() int { return d.pushed }))
	}))
	t.Cleanup(d.private.Close)
	d.public = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		read(d, func() http.Handler { return d.door(d.receiver) }).ServeHTTP(w, r)
	}))
	t.Cleanup(d.public.Close)

	for name, value := range map[string]string{
		"GOOGLE_GEMINI_BASE_URL": g.URL(), "GEMINI_API_KEY_SECRET": deployedKey, "GOOGLE_CLOUD_PROJECT": "p",
		"RECEIVER_URL": d.public.URL, "RESULT_BUCKETS": resultBucket + "/batches/",
		"GOOGLE_VERTEX_BASE_URL": d.vertex.URL(), "VERTEX_LOCATIONS": "us-central1",
	} {
		t.Setenv(name, value)
	}
	d.sm, err = secretmanager.NewClient(t.Context())
	must(t, err)
	t.Cleanup(func() { d.sm.Close() })
	for _, args := range [][]string{
		{"token", "create", "--secret", deployedToken},
		{"webhook", "create", "--secret", deployedSigning, "--uri", d.public.URL + "/gemini"},
	} {
		if _, messages, code := webhookctl(t, args...); code != codeDone {
			t.Fatalf("%v: %s", args, messages)
		}
	}
	d.createQueue()
	return d
}

// set changes what the servers answer.
func (d *deployment) set(change func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change()
}

// read looks at what the servers are to answer.
func read[T any](d *deployment, look func() T) T {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return look()
}

// heal takes back all that a test has set.
func (d *deployment) heal() {
	d.store.Fail(nil)
	d.store.SetPolicy(deployedKey, &iampb.Binding{Role: "roles/secretmanager.secretAccessor", Members: []string{member("tasks"), member("recon")}})
	d.set(d.asDeployed)
	d.ran(reconcile.Report{LookedAt: map[string]int{"gemini_api": 12, "vertex_api": 3}, EndedJobs: 9, Queued: 1},
		18*time.Minute, 3*time.Minute)
}

// ran leaves the reports of runs that began so long ago, and no others. The newest is
// as given.
func (d *deployment) ran(report reconcile.Report, ago ...time.Duration) {
	for _, o := range d.objects.List(stateBucket, batch.RunsFolder) {
		d.objects.Delete(stateBucket, o.Name)
	}
	for _, ago := range ago {
		report.Started = time.Now().Add(-ago).UTC()
		data, err := json.Marshal(report)
		must(d, err)
		d.objects.Put(stateBucket, batch.RunsFolder+report.Started.Format("2006-01-02T15:04:05.000000000Z"), data, gcs.Attrs{})
	}
}

func (d *deployment) asDeployed() {
	tasks, recon := member("tasks"), member("recon")
	d.policies = map[string][]*iampb.Binding{
		topics + "queue":               {{Role: "roles/pubsub.publisher", Members: []string{member("public"), tasks, recon}}},
		topics + "dead-letters":        {{Role: "roles/pubsub.publisher", Members: []string{agent}}},
		subscriptions + "queue-events": {{Role: "roles/pubsub.subscriber", Members: []string{agent}}},
		subscriptions + "queue-ranges": {{Role: "roles/pubsub.subscriber", Members: []string{agent}}},
		stateBucket:                    {{Role: "roles/storage.objectCreator", Members: []string{tasks, recon}}, {Role: "roles/storage.objectViewer", Members: []string{tasks, recon}}},
		archiveBucket:                  {{Role: "roles/storage.objectCreator", Members: []string{tasks}}, {Role: "roles/storage.objectViewer", Members: []string{tasks}}},
		topics + "outcomes":            {{Role: "roles/pubsub.publisher", Members: []string{tasks}}},
		topics + "results":             {{Role: "roles/pubsub.publisher", Members: []string{tasks}}},
		resultBucket:                   {{Role: "roles/storage.objectViewer", Members: []string{tasks}}},
	}
	private := map[string]any{"publicAccessPrevention": "enforced", "uniformBucketLevelAccess": map[string]any{"enabled": true}}
	d.buckets = map[string]map[string]any{
		stateBucket:   {"iamConfiguration": private, "lifecycle": deletedAfter(60), "softDeletePolicy": map[string]any{"retentionDurationSeconds": "0"}},
		archiveBucket: {"iamConfiguration": private, "lifecycle": deletedAfter(90), "softDeletePolicy": map[string]any{"retentionDurationSeconds": "604800"}},
		resultBucket:  {},
	}
	d.edit = func(*pubsubpb.Subscription) {}
	d.refuse = func(string, string) error { return nil }
	d.door = func(h http.Handler) http.Handler { return h }
	d.pushed = http.StatusUnauthorized
}

func deletedAfter(days int) map[string]any {
	return map[string]any{"rule": []any{map[string]any{"action": map[string]any{"type": "Delete"}, "condition": map[string]any{"age": days}}}}
}

func (d *deployment) createQueue() {
	ctx := d.Context()
	for _, suffix := range []string{"queue", "outcomes", "results", "dead-letters", "reconcile"} {
		_, err := d.pubsub.TopicAdminClient.CreateTopic(ctx, &pubsubpb.Topic{Name: topics + suffix})
		must(d, err)
	}
	never := &pubsubpb.ExpirationPolicy{}
	all := []*pubsubpb.Subscription{{Name: subscriptions + "dead-letters", Topic: topics + "dead-letters", ExpirationPolicy: never}}
	for _, kind := range []string{"event", "range"} {
		all = append(all, &pubsubpb.Subscription{
			Name: subscriptions + "queue-" + kind + "s", Topic: topics + "queue", Filter: `attributes.kind = "` + kind + `"`,
			AckDeadlineSeconds: 600, ExpirationPolicy: never,
			PushConfig: &pubsubpb.PushConfig{PushEndpoint: d.private.URL + "/tasks/process", AuthenticationMethod: &pubsubpb.PushConfig_OidcToken_{
				OidcToken: &pubsubpb.PushConfig_OidcToken{ServiceAccountEmail: strings.TrimPrefix(member("push"), "serviceAccount:"), Audience: "a"},
			}},
			DeadLetterPolicy: &pubsubpb.DeadLetterPolicy{DeadLetterTopic: topics + "dead-letters", MaxDeliveryAttempts: 30},
			RetryPolicy:      &pubsubpb.RetryPolicy{MinimumBackoff: durationpb.New(10 * time.Second), MaximumBackoff: durationpb.New(600 * time.Second)},
		})
	}
	for _, sub := range all {
		_, err := d.pubsub.SubscriptionAdminClient.CreateSubscription(ctx, sub)
		must(d, err)
	}
}

// renew puts a public door in place that has read no secret yet.
func (d *deployment) renew() {
	receiver := d.newReceiver(true, true)
	d.set(func() { d.receiver = receiver })
}

// queue takes what Gemini delivers, pings.
type queue struct{}

func (queue) Enqueue(context.Context, string, ...[]byte) error { return nil }

// newReceiver is a public door that has read no secret yet.
func (d *deployment) newReceiver(static, dynamic bool) http.Handler {
	log := slog.New(slog.DiscardHandler)
	secrets := store.New(d.sm, store.Config{TTL: time.Minute, StaleLimit: time.Hour, Now: time.Now, Log: log})
	v := &verify.Verifier{Tolerance: 5 * time.Minute, Now: time.Now}
	if static {
		v.Secrets = secrets.Set([]secret.Name{deployedSigning}, 24*time.Hour, secret.SigningKeys)
	}
	if dynamic {
		v.Keys = jwks.New(jwks.Config{URL: d.gemini.URL() + gemini.JWKSPath, StaleLimit: time.Hour, Now: time.Now, Log: log})
		v.Tokens = secrets.Set([]secret.Name{deployedToken}, 96*time.Hour, secret.PathTokens)
	}
	return &handlers.Doors{Log: log, Public: handlers.NewReceiver(handlers.ReceiverConfig{
		Verifier: v, Queue: queue{}, ReplayTolerance: 5 * time.Minute, MaxBodyBytes: 1 << 18, Now: time.Now, Log: log,
	})}
}

// examine runs doctor --json with a new receiver, and holds the exit code to the
// findings.
func (d *deployment) examine(args ...string) []doctor.Finding {
	d.Helper()
	d.renew()
	out, messages, code := webhookctl(d.T, append([]string{"doctor", "--json"}, args...)...)
	var answer struct {
		OK     bool             `json:"ok"`
		Checks []doctor.Finding `json:"checks"`
	}
	if err := json.Unmarshal([]byte(out), &answer); err != nil {
		d.Fatalf("doctor --json: %v, code %d\n%s%s", err, code, out, messages)
	}
	want := codeDone
	if doctor.Failed(answer.Checks) {
		want = codeFailed
	}
	if code != want || answer.OK != (want == codeDone) {
		d.Errorf("code %d, want %d; ok is %v\n%s", code, want, answer.OK, messages)
	}
	d.noSecrets(out + messages)
	return answer.Checks
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
