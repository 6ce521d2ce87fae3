package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/iam/apiv1/iampb"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"example.com/gemini-webhook/internal/batch"
	"example.com/gemini-webhook/internal/doctor"
	"example.com/gemini-webhook/internal/geminiapi"
	"example.com/gemini-webhook/internal/localcloud/gcs"
	"example.com/gemini-webhook/internal/localcloud/secrets"
	"example.com/gemini-webhook/internal/reconcile"
	"example.com/gemini-webhook/internal/secret"
	"example.com/gemini-webhook/internal/webhookadmin"
)

// TestDoctorFindsWhatIsBroken breaks one thing at a time, and wants the checks
// that see it, no others, with the remedy.
func TestDoctorFindsWhatIsBroken(t *testing.T) {
	d := deploy(t)
	fail, warn := doctor.Fail, doctor.Warn
	ctx := t.Context()
	webhooks := geminiapi.NewWebhooks(geminiapi.WebhooksConfig{Key: keyOf, BaseURL: d.gemini.URL()})
	admin := webhookadmin.New(webhooks, d.sm, time.Now)
	edit := func(suffix string, f func(*pubsubpb.Subscription)) func() {
		return func() {
			d.set(func() {
				d.edit = func(s *pubsubpb.Subscription) {
					if s.Name == subscriptions+suffix {
						f(s)
					}
				}
			})
		}
	}
	door := func(h http.Handler) func() {
		return func() { d.set(func() { d.door = func(http.Handler) http.Handler { return h } }) }
	}
	answer := func(status int) func() {
		return door(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
	}
	update := func(fields webhookadmin.Fields) func() {
		return func() {
			_, err := admin.Update(ctx, deployedSigning, fields)
			must(t, err)
		}
	}
	annotate := func(name, value string) func() {
		return func() {
			got, err := d.sm.Get(ctx, deployedSigning)
			must(t, err)
			all := map[string]string{webhookadmin.AnnotationID: got.Annotations[webhookadmin.AnnotationID]}
			if value != "" {
				all[name] = value
			}
			must(t, d.sm.SetAnnotations(ctx, deployedSigning, all, got.Etag))
		}
	}
	deny := func(methods ...string) func() {
		return func() {
			d.store.Fail(func(op secrets.Op) *secrets.Fault {
				for _, m := range methods {
					if op.Method == m && strings.HasPrefix(op.Name, deployedSigning) {
						return &secrets.Fault{Err: status.Error(codes.PermissionDenied, "denied on purpose")}
					}
				}
				return nil
			})
		}
	}
	refuse := func(method, suffix string, code codes.Code) func() {
		return func() {
			d.set(func() {
				d.refuse = func(m, name string) error {
					if m == method && strings.HasSuffix(name, suffix) {
						return status.Error(code, "refused on purpose")
					}
					return nil
				}
			})
		}
	}
	vertexAt := func(url string) func() { return func() { t.Setenv("GOOGLE_VERTEX_BASE_URL", url) } }
	ran := func(report reconcile.Report, ago ...time.Duration) func() { return func() { d.ran(report, ago...) } }
	grant := func(resource, role string, members ...string) func() {
		return func() {
			d.set(func() { d.policies[resource] = []*iampb.Binding{{Role: role, Members: members}} })
		}
	}
	attribute := func(bucket, name string, value any) func() {
		return func() { d.set(func() { d.buckets[bucket][name] = value }) }
	}
	var added int64
	add := func(secret, payload string) func() {
		return func() { added = d.store.Add(secret, []byte(payload)) }
	}
	remove := func(secret string) func() {
		return func() { must(t, d.store.Destroy(secret, added)) }
	}
	// newest is the version that the others of these tests have left in use.
	newest := func(name string) int64 {
		versions, err := d.sm.Versions(ctx, secret.Name(name))
		must(t, err)
		for _, v := range versions {
			if _, kept := d.store.Payload(name, v.Number); kept {
				return v.Number
			}
		}
		return 0
	}
	disable := func(secret string) func() { return func() { must(t, d.store.Disable(secret, newest(secret))) } }
	enable := func(secret string) func() { return func() { must(t, d.store.Enable(secret, newest(secret))) } }
	// posts answers deliveries, and health well.
	posts := func(status int, body string) func() {
		return door(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost {
				w.WriteHeader(status)
				_, _ = io.WriteString(w, body)
			}
		}))
	}
	pushed := func(status int) func() { return func() { d.set(func() { d.pushed = status }) } }
	nothing := func() {}
	keyAgain := func() { t.Setenv("GEMINI_API_KEY_SECRET", deployedKey); t.Setenv("GEMINI_API_KEY", "") }
	public := []string{"public door", "static deliveries", "dynamic deliveries"}
	events := "subscription gemini-webhook-queue-events"
	dead := "subscription gemini-webhook-dead-letters"

	for name, test := range map[string]struct {
		damage, repair func()
		args           []string
		check          string // the one whose remedy is looked at
		status         doctor.Status
		says           string   // in the remedy
		also           []string // other checks that are not ok
	}{
		"nothing at the URL":        {answer(404), nothing, nil, "public door", fail, "--ingress=all", public},
		"no public invoker":         {answer(403), nothing, nil, "public door", fail, "allUsers", public},
		"the door is down":          {answer(500), nothing, nil, "public door", fail, "log", public},
		"another program":           {answer(200), nothing, nil, "public door", fail, "--url", public},
		"only the private door":     {posts(404, ""), nothing, nil, "public door", fail, "DOORS=public", public},
		"deliveries get no answer":  {door(http.HandlerFunc(hangUp)), nothing, nil, "public door", fail, "run it again", public},
		"deliveries get 503":        {posts(503, `{"error":"unavailable"}`), nothing, nil, "public door", fail, "docs/runbooks/deliveries-503.md", public},
		"a clock that is wrong":     {posts(401, `{"error":"timestamp_out_of_range"}`), nothing, nil, "static deliveries", warn, "clock", []string{"dynamic deliveries"}},
		"another refusal":           {posts(401, `{"error":"bad_header"}`), nothing, nil, "static deliveries", warn, "docs/runbooks/deliveries-refused.md", []string{"dynamic deliveries"}},
		"no such host":              {nothing, nothing, []string{"--url", "http://127.0.0.1:1"}, "public door", fail, "--url", append([]string{"webhook"}, public...)},
		"no static deliveries":      {door(d.newReceiver(false, true)), nothing, nil, "static deliveries", fail, "SIGNING_SECRETS=" + deployedSigning, nil},
		"no dynamic deliveries":     {door(d.newReceiver(true, false)), nothing, nil, "dynamic deliveries", fail, "DYNAMIC_TOKEN_SECRET=" + deployedToken, nil},
		"the door cannot read":      {deny("AccessSecretVersion", "ListSecretVersions"), nothing, nil, "static deliveries", fail, "secretmanager.secretAccessor", []string{"signing secret", "webhook's keys"}},
		"no token wanted":           {pushed(204), nothing, nil, "private door", fail, "/tasks/process", nil},
		"the private door is down":  {pushed(500), nothing, nil, "private door", fail, "log", nil},
		"doors closed, one service": {edit("queue-events", func(s *pubsubpb.Subscription) { s.PushConfig.PushEndpoint = d.public.URL + "/tasks/process" }), nothing, nil, "private door", fail, "DOORS=both", nil},

		"no enabled version": {disable(deployedSigning), enable(deployedSigning), nil,
			"signing secret", fail, "webhookctl webhook create", []string{"webhook's keys"}},
		"a secret that is missing": {nothing, nothing, []string{"--signing-secret", "projects/p/secrets/none"}, "signing secret", fail, "webhookctl webhook create", []string{"webhook", "webhook's keys", "unfinished runs"}},
		"a placeholder": {add(deployedSigning, "replace-me-with-the-secret"), remove(deployedSigning), nil,
			"signing secret", fail, "webhookctl webhook rotate", nil},
		"a pasted line": {add(deployedSigning, "KEY=whsec_MDEyMzQ1Njc4OWFiY2RlZg=="), remove(deployedSigning), nil,
			"signing secret", fail, "store the signing secret alone", nil},
		"no token": {disable(deployedToken), enable(deployedToken), nil,
			"token secret", fail, "webhookctl token create", nil},
		"a weak token": {add(deployedToken, "a-weak-one"), remove(deployedToken), nil,
			"token secret", fail, "webhookctl token rotate", nil},
		"versions not to be read":   {deny("AccessSecretVersion"), nothing, []string{}, "static deliveries", fail, "secretmanager.secretAccessor", nil},
		"versions not to be listed": {deny("ListSecretVersions"), nothing, nil, "signing secret", warn, "secretmanager.versions.list", []string{"static deliveries", "webhook's keys"}},

		"the webhook is disabled":   {update(webhookadmin.Fields{State: ptr("disabled")}), update(webhookadmin.Fields{State: ptr("enabled")}), nil, "webhook", fail, "webhook update --secret=" + deployedSigning + " --enabled", nil},
		"it subscribes to nothing":  {func() { t.Setenv("GOOGLE_GEMINI_BASE_URL", d.withoutEvents()) }, func() { t.Setenv("GOOGLE_GEMINI_BASE_URL", d.gemini.URL()) }, nil, "webhook", fail, "--events=", nil},
		"it points elsewhere":       {update(webhookadmin.Fields{URI: ptr("https://elsewhere.example/gemini")}), update(webhookadmin.Fields{URI: ptr(d.public.URL + "/gemini")}), nil, "webhook", fail, "--uri=" + d.public.URL, nil},
		"it points to the tasks":    {update(webhookadmin.Fields{URI: ptr(d.public.URL + "/tasks/process")}), update(webhookadmin.Fields{URI: ptr(d.public.URL + "/gemini")}), nil, "webhook", fail, "--uri=" + d.public.URL, nil},
		"it points to a token":      {update(webhookadmin.Fields{URI: ptr(d.public.URL + "/dynamic/" + tokenOf(t, d))}), update(webhookadmin.Fields{URI: ptr(d.public.URL + "/gemini")}), nil, "webhook", fail, "--uri=" + d.public.URL, nil},
		"the secret names none":     {annotate(webhookadmin.AnnotationID, "gone"), annotate(webhookadmin.AnnotationID, annotated(t, d)), nil, "webhook", fail, "webhookctl webhook create", []string{"webhook's keys"}},
		"a run that did not finish": {annotate(webhookadmin.AnnotationPending, `{"doing":"rotate","since":"2026-01-01T00:00:00Z","held":true}`), annotate(webhookadmin.AnnotationPending, ""), nil, "unfinished runs", fail, "webhook create", nil},
		"a run at work":             {annotate(webhookadmin.AnnotationPending, `{"doing":"rotate","since":"`+time.Now().UTC().Format(time.RFC3339)+`","held":true}`), annotate(webhookadmin.AnnotationPending, ""), nil, "unfinished runs", warn, "two minutes", nil},
		"a wrong API key":           {func() { d.store.Add("projects/p/secrets/other", []byte("wrong")) }, nothing, []string{"--api-key-secret", "projects/p/secrets/other"}, "Gemini API key", fail, "gcloud secrets versions add other --project=p", []string{"webhook", "webhook's keys", "readers of the API key"}},
		"an API key out of use":     {disable(deployedKey), enable(deployedKey), nil, "Gemini API key", fail, "gcloud secrets versions add gemini-api-key --project=p", []string{"webhook", "webhook's keys"}},
		"no API key":                {func() { t.Setenv("GEMINI_API_KEY_SECRET", "") }, keyAgain, nil, "Gemini API key", warn, "batch.unreadable (no_api_key)", []string{"webhook", "webhook's keys", "readers of the API key"}},
		"a key of the environment":  {func() { t.Setenv("GEMINI_API_KEY_SECRET", ""); t.Setenv("GEMINI_API_KEY", apiKey) }, keyAgain, nil, "readers of the API key", warn, "--api-key-secret=", nil},
		"no version of the API key": {nothing, nothing, []string{"--api-key-secret", "projects/p/secrets/none"}, "Gemini API key", fail, "gcloud secrets versions add none", []string{"webhook", "webhook's keys", "readers of the API key"}},
		"no grant on the API key":   {func() { d.store.SetPolicy(deployedKey) }, nothing, nil, "readers of the API key", fail, "gcloud secrets add-iam-policy-binding gemini-api-key --project=p --role=roles/secretmanager.secretAccessor --member=" + member("tasks"), nil},
		"no API key by intent":      {func() { d.store.SetPolicy(deployedKey) }, nothing, []string{"--without-api-key"}, "Gemini API key", warn, "results.files_api", nil},
		"a key that is not stored":  {func() { must(t, second(webhooks.Rotate(ctx, annotated(t, d), false))) }, func() { must(t, second(admin.Rotate(ctx, deployedSigning, webhookadmin.Immediately))) }, nil, "webhook's keys", warn, "webhookctl webhook rotate", nil},

		"a topic is missing":      {refuse("GetTopic", "-outcomes", codes.NotFound), nothing, nil, "topic gemini-webhook-outcomes", fail, "gcloud pubsub topics create gemini-webhook-outcomes", nil},
		"a topic is not to see":   {refuse("GetTopic", "-outcomes", codes.PermissionDenied), nothing, nil, "topic gemini-webhook-outcomes", warn, "pubsub.topics.get", nil},
		"a stranger may publish":  {grant(topics+"queue", "roles/pubsub.publisher", member("public"), member("tasks"), member("recon"), "allUsers"), nothing, nil, "publishers of the queue", fail, "remove-iam-policy-binding gemini-webhook-queue --role=roles/pubsub.publisher --member=allUsers", nil},
		"a door may not publish":  {grant(topics+"queue", "roles/pubsub.publisher", member("tasks"), member("recon")), nothing, nil, "publishers of the queue", fail, "add-iam-policy-binding gemini-webhook-queue", nil},
		"no grant to publish":     {grant(topics+"results", "roles/pubsub.viewer", member("tasks")), nothing, nil, "publisher of outcomes", fail, "add-iam-policy-binding gemini-webhook-results", nil},
		"a policy is not to see":  {refuse("GetIamPolicy", "-queue", codes.PermissionDenied), nothing, nil, "publishers of the queue", warn, "pubsub.topics.getIamPolicy", nil},
		"no subscription":         {refuse("GetSubscription", "-queue-events", codes.NotFound), nothing, nil, events, fail, "terraform apply", []string{"private door"}},
		"Pub/Sub refuses for now": {refuse("GetSubscription", "-queue-ranges", codes.Internal), nothing, nil, "subscription gemini-webhook-queue-ranges", fail, "run it again", nil},
		"another filter":          {edit("queue-events", func(s *pubsubpb.Subscription) { s.Filter = `attributes.kind = "range"` }), nothing, nil, events, fail, "subscriptions delete", nil},
		"another topic":           {edit("queue-events", func(s *pubsubpb.Subscription) { s.Topic = "_deleted-topic_" }), nothing, nil, events, fail, "subscriptions delete", nil},
		"it does not push":        {edit("queue-events", func(s *pubsubpb.Subscription) { s.PushConfig = nil }), nothing, nil, events, fail, "--push-endpoint", []string{"private door"}},
		"it pushes elsewhere":     {edit("queue-events", func(s *pubsubpb.Subscription) { s.PushConfig.PushEndpoint = d.private.URL }), nothing, nil, events, fail, "/tasks/process", nil},
		"it pushes without token": {edit("queue-events", func(s *pubsubpb.Subscription) { s.PushConfig.AuthenticationMethod = nil }), nothing, nil, events, fail, "--push-auth-service-account=gemini-webhook-push@", nil},
		"it pushes as another": {edit("queue-events", func(s *pubsubpb.Subscription) {
			s.PushConfig.GetOidcToken().ServiceAccountEmail = "x@p.iam.gserviceaccount.com"
		}), nothing, nil, events, fail, "PUSH_SERVICE_ACCOUNT", nil},
		"no dead-letter policy":   {edit("queue-events", func(s *pubsubpb.Subscription) { s.DeadLetterPolicy = nil }), nothing, nil, events, fail, "--dead-letter-topic=gemini-webhook-dead-letters", nil},
		"another dead letters":    {edit("queue-events", func(s *pubsubpb.Subscription) { s.DeadLetterPolicy.DeadLetterTopic = topics + "queue" }), nothing, nil, events, fail, "--dead-letter-topic=gemini-webhook-dead-letters", nil},
		"it expires":              {edit("queue-events", func(s *pubsubpb.Subscription) { s.ExpirationPolicy = nil }), nothing, nil, events, warn, "--expiration-period=never", nil},
		"a short deadline":        {edit("queue-events", func(s *pubsubpb.Subscription) { s.AckDeadlineSeconds = 10 }), nothing, nil, events, warn, "--ack-deadline=600", nil},
		"no back-off":             {edit("queue-events", func(s *pubsubpb.Subscription) { s.RetryPolicy = nil }), nothing, nil, events, warn, "--min-retry-delay", nil},
		"a subscription detached": {edit("queue-events", func(s *pubsubpb.Subscription) { s.Detached = true }), nothing, nil, events, fail, "terraform apply", nil},
		"Pub/Sub cannot deliver":  {edit("queue-events", func(s *pubsubpb.Subscription) { s.State = pubsubpb.Subscription_RESOURCE_ERROR }), nothing, nil, events, fail, "may be called", nil},

		"dead letters expire":         {edit("dead-letters", func(s *pubsubpb.Subscription) { s.ExpirationPolicy.Ttl = durationpb.New(31 * 24 * time.Hour) }), nothing, nil, dead, fail, "--expiration-period=never", nil},
		"dead letters are pushed":     {edit("dead-letters", func(s *pubsubpb.Subscription) { s.PushConfig.PushEndpoint = "https://x.example" }), nothing, nil, dead, fail, "--push-endpoint=''", nil},
		"dead letters are filtered":   {edit("dead-letters", func(s *pubsubpb.Subscription) { s.Filter = "attributes:x" }), nothing, nil, dead, fail, "subscriptions delete", nil},
		"dead letters go too soon":    {edit("dead-letters", func(s *pubsubpb.Subscription) { s.MessageRetentionDuration = durationpb.New(7 * 24 * time.Hour) }), nothing, nil, dead, warn, "--message-retention-duration=31d", nil},
		"dead letters not to see":     {refuse("Pull", "-dead-letters", codes.PermissionDenied), nothing, nil, "dead letters", warn, "pubsub.subscriptions.consume", nil},
		"Pub/Sub may not give up":     {grant(topics+"dead-letters", "roles/pubsub.publisher", "serviceAccount:service-1@gcp-sa-pubsub.iam.gserviceaccount.com"), nothing, nil, "grants for dead letters", fail, "gcloud pubsub topics add-iam-policy-binding gemini-webhook-dead-letters --role=roles/pubsub.publisher --member=" + agent, nil},
		"Pub/Sub may not take":        {grant(subscriptions+"queue-ranges", "roles/pubsub.viewer", agent), nothing, nil, "grants for dead letters", fail, "gcloud pubsub subscriptions add-iam-policy-binding gemini-webhook-queue-ranges --role=roles/pubsub.subscriber --member=" + agent, nil},
		"the bucket is missing":       {nothing, nothing, []string{"--state-bucket", "none"}, "state bucket", fail, "gcloud storage buckets create gs://none", []string{"grants on the state bucket", "reconciliation"}},
		"the bucket may be public":    {attribute(stateBucket, "iamConfiguration", map[string]any{"publicAccessPrevention": "inherited", "uniformBucketLevelAccess": map[string]any{"enabled": true}}), nothing, nil, "state bucket", fail, "--public-access-prevention", nil},
		"no uniform access":           {attribute(stateBucket, "iamConfiguration", map[string]any{"publicAccessPrevention": "enforced"}), nothing, nil, "state bucket", warn, "--uniform-bucket-level-access", nil},
		"state is never deleted":      {attribute(stateBucket, "lifecycle", nil), nothing, nil, "state bucket", warn, "60 days", nil},
		"state is deleted too soon":   {attribute(stateBucket, "lifecycle", deletedAfter(7)), nothing, nil, "state bucket", fail, "60 days", nil},
		"soft delete":                 {attribute(stateBucket, "softDeletePolicy", map[string]any{"retentionDurationSeconds": "604800"}), nothing, nil, "state bucket", warn, "--clear-soft-delete", nil},
		"no grant on the state":       {grant(stateBucket, "roles/storage.objectViewer", member("tasks")), nothing, nil, "grants on the state bucket", fail, "--role=roles/storage.objectCreator", nil},
		"no reading of the state":     {grant(stateBucket, "roles/storage.objectCreator", member("tasks")), nothing, nil, "grants on the state bucket", fail, "--role=roles/storage.objectViewer", nil},
		"no archive":                  {nothing, nothing, []string{"--archive-bucket", "none"}, "archive bucket", fail, "gcloud storage buckets create gs://none", []string{"grants on the archive bucket"}},
		"the archive may be public":   {attribute(archiveBucket, "iamConfiguration", nil), nothing, nil, "archive bucket", fail, "--public-access-prevention", nil},
		"copies are deleted too soon": {attribute(archiveBucket, "lifecycle", deletedAfter(7)), nothing, nil, "archive bucket", fail, "90 days", nil},
		"copies are never deleted":    {attribute(archiveBucket, "lifecycle", nil), nothing, nil, "archive bucket", warn, "90 days", nil},
		"no grant on the archive":     {grant(archiveBucket, "roles/storage.objectViewer", member("tasks")), nothing, nil, "grants on the archive bucket", fail, "--role=roles/storage.objectCreator", nil},
		"no reading of the archive":   {grant(archiveBucket, "roles/storage.objectCreator", member("tasks")), nothing, nil, "grants on the archive bucket", fail, "--role=roles/storage.objectViewer", nil},
		"results in the archive":      {nothing, nothing, []string{"--archive-bucket", resultBucket}, "result bucket results/batches/", fail, "RESULT_BUCKETS", []string{"archive bucket", "grants on the archive bucket"}},
		"one account, two doors":      {nothing, nothing, []string{"--single-service"}, "grants on the state bucket", fail, member("public"), []string{"grants on the archive bucket", "readers of the API key", "publishers of the queue", "publisher of outcomes", "result bucket results/batches/"}},
		"the state is everybody's": {func() {
			d.set(func() {
				d.policies[stateBucket] = append(d.policies[stateBucket], &iampb.Binding{Role: "roles/storage.objectViewer", Members: []string{"allUsers"}})
			})
		}, nothing, nil, "grants on the state bucket", fail, "remove-iam-policy-binding gs://" + stateBucket, nil},
		"no grant on the results": {grant(resultBucket, "roles/storage.objectCreator", member("tasks")), nothing, nil, "result bucket results/batches/", fail, "--role=roles/storage.objectViewer", nil},
		"results not to see":      {refuse("buckets", resultBucket, codes.PermissionDenied), nothing, nil, "result bucket results/batches/", warn, "storage.buckets.getIamPolicy", nil},

		"it never ran":      {ran(reconcile.Report{}), nothing, nil, "reconciliation", warn, "gcloud scheduler jobs run gemini-webhook-reconcile --project=p", nil},
		"it runs no more":   {ran(reconcile.Report{}, 150*time.Minute, 130*time.Minute, 110*time.Minute, 90*time.Minute), nothing, nil, "reconciliation", warn, "20m0s apart", nil},
		"a ping is missing": {ran(reconcile.Report{Canary: "missing"}, 3*time.Minute), nothing, nil, "reconciliation", warn, "docs/runbooks/canary-missing.md", nil},
		"a run had errors":  {ran(reconcile.Report{Errors: []string{"list\x1b batches: 403", "b", "c", "d"}}, 3*time.Minute), nothing, nil, "reconciliation", warn, `"list\x1b batches: 403"; "b"; "c"; and 1 more`, nil},
		"a report that is none": {func() {
			d.objects.Put(stateBucket, batch.RunsFolder+"2099-01-01T00:00:00.000000000Z", []byte("x"), gcs.Attrs{})
		}, func() { d.objects.Delete(stateBucket, batch.RunsFolder+"2099-01-01T00:00:00.000000000Z") }, nil, "reconciliation", fail, "read the report", nil},
		"no topic for it":  {refuse("GetTopic", "-reconcile", codes.NotFound), nothing, nil, "topic gemini-webhook-reconcile", fail, "gcloud pubsub topics create gemini-webhook-reconcile", nil},
		"it may not queue": {grant(topics+"queue", "roles/pubsub.publisher", member("public"), member("tasks")), nothing, nil, "publishers of the queue", fail, "--member=" + member("recon"), nil},
		"it may not store": {func() { d.set(func() { d.policies[stateBucket][0].Members = []string{member("tasks")} }) }, nothing, nil, "grants on the state bucket", fail, "--member=" + member("recon") + " --role=roles/storage.objectCreator", nil},
		"it may not ask": {func() {
			d.store.SetPolicy(deployedKey, &iampb.Binding{Role: "roles/secretmanager.secretAccessor", Members: []string{member("tasks")}})
		}, nothing, nil, "readers of the API key", fail, "not looked for", nil},
		"no key, no locations": {func() { t.Setenv("VERTEX_LOCATIONS", "") }, func() { t.Setenv("VERTEX_LOCATIONS", "us-central1") }, []string{"--without-api-key"}, "reconciliation", warn, "name reconcile.vertex_locations", []string{"Gemini API key", "publishers of the queue"}},
		"Vertex AI denies":     {vertexAt(d.answers(403, `{"error":{"code":403,"status":"PERMISSION_DENIED"}}`)), vertexAt(d.vertex.URL()), nil, "Vertex AI in us-central1", warn, "grant roles/aiplatform.viewer on the project to gemini-webhook-recon@", nil},
		"no answer of Vertex":  {vertexAt(d.answers(501, "no JSON")), vertexAt(d.vertex.URL()), nil, "Vertex AI in us-central1", fail, "run it again", nil},
		"it is off":            {ran(reconcile.Report{}), nothing, []string{"--without-reconcile"}, "reconciliation", warn, "set reconcile to {}", []string{"publishers of the queue"}},
	} {
		t.Run(name, func(t *testing.T) {
			test.damage()
			defer d.heal()
			defer test.repair()
			d.T = t
			findings := d.examine(test.args...)
			want := map[string]bool{test.check: true}
			for _, name := range test.also {
				want[name] = true
			}
			got := map[string]bool{}
			for _, f := range findings {
				if f.Status != doctor.OK {
					got[f.Check] = true
				}
				if f.Check == test.check && (f.Status != test.status || !strings.Contains(f.Found+f.Do, test.says)) {
					t.Errorf("%+v; want %s and %q", f, test.status, test.says)
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("checks that are not ok (-want +got):\n%s\n%+v", diff, findings)
			}
		})
	}
}

// hangUp answers health, and closes the connection of deliveries.
func hangUp(_ http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost {
		panic(http.ErrAbortHandler)
	}
}

// answers is the address of something that answers everything so.
func (d *deployment) answers(status int, body string) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	d.Cleanup(server.Close)
	return server.URL
}

// withoutEvents is the address of a Gemini whose webhooks subscribe to nothing,
// which the simulator refuses.
func (d *deployment) withoutEvents() string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if path.Base(r.URL.Path) == "batches" {
			return
		}
		hook, err := geminiapi.NewWebhooks(geminiapi.WebhooksConfig{Key: keyOf, BaseURL: d.gemini.URL()}).Get(r.Context(), path.Base(r.URL.Path))
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		hook.SubscribedEvents = []string{}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(hook)
	}))
	d.Cleanup(server.Close)
	return server.URL
}

func keyOf(context.Context) (secret.Value, error) { return secret.NewValue([]byte(apiKey)), nil }

// annotated is the id of the webhook that the secret names.
func annotated(t *testing.T, d *deployment) string {
	t.Helper()
	got, err := d.sm.Get(context.Background(), deployedSigning)
	must(t, err)
	return got.Annotations[webhookadmin.AnnotationID]
}

func tokenOf(t *testing.T, d *deployment) string {
	t.Helper()
	payload, ok := d.store.Payload(deployedToken, 1)
	if !ok {
		t.Fatal("no token")
	}
	return string(payload)
}

// second is the error of two results.
func second[T any](_ T, err error) error { return err }
