package doctor

import (
	"context"
	"fmt"
	"strings"

	"cloud.google.com/go/storage"
)

// minDays is longer than any retention of messages, so that a task that is delivered
// late finds what was done, and what was kept for it.
const minDays = 31

// contents is what a bucket of the receiver's own holds.
type contents struct {
	what      string
	days      int    // kept, as deployed
	tooSoon   string // what becomes of it when they are deleted too soon
	transient bool   // nobody wants them back
}

var (
	state    = contents{"state", 60, "a task that comes later is done again, so results repeat", true}
	archived = contents{"copies", 90, "a task that comes later finds no results, which Gemini has deleted after two days", false}
)

// ownBucket wants a bucket that the receiver writes to private, and its contents kept
// for long enough and not for ever.
func (d *doctor) ownBucket(ctx context.Context, f *finding, bucket string, has contents) {
	name := "gs://" + bucket
	attrs, err := d.Storage.Bucket(bucket).Attrs(ctx)
	if f.trouble(err, name, "storage.buckets.get (roles/storage.bucketViewer)",
		apply+"gcloud storage buckets create "+name+" --uniform-bucket-level-access --public-access-prevention") {
		return
	}
	update := apply + "gcloud storage buckets update " + name
	if attrs.PublicAccessPrevention != storage.PublicAccessPreventionEnforced {
		f.fail(update+" --public-access-prevention", "public access prevention is not enforced")
	}
	if !attrs.UniformBucketLevelAccess.Enabled {
		f.warn(update+" --uniform-bucket-level-access", "it has no uniform access: objects can have grants of their own")
	}
	rule := fmt.Sprintf("%s --lifecycle-file=… (delete after %d days)", update, has.days)
	switch age := deletedAfter(attrs.Lifecycle); {
	case age == 0:
		f.warn(rule, "no lifecycle rule deletes old %s: it grows for ever", has.what)
	case age < minDays:
		f.fail(rule, "what is in it is deleted after %d days: %s", age, has.tooSoon)
	}
	if soft := attrs.SoftDeletePolicy; has.transient && soft != nil && soft.RetentionDuration > 0 {
		f.warn(update+" --clear-soft-delete", "soft delete keeps, and bills, deleted state for %d days", int(soft.RetentionDuration/day))
	}
	f.ok("%s is private and deletes %s after %d days", name, has.what, deletedAfter(attrs.Lifecycle))
}

// deletedAfter is the age in days at which any object is deleted, 0 for never.
func deletedAfter(lifecycle storage.Lifecycle) (days int64) {
	for _, rule := range lifecycle.Rules {
		age := rule.Condition.AgeInDays
		if rule.Action.Type == storage.DeleteAction && age > 0 && (days == 0 || age < days) {
			days = age
		}
	}
	return days
}

var (
	readers  = []string{"roles/storage.objectViewer", "roles/storage.objectUser", "roles/storage.objectAdmin", "roles/storage.admin"}
	creators = []string{"roles/storage.objectCreator", "roles/storage.objectUser", "roles/storage.objectAdmin", "roles/storage.admin"}
)

// bucketPolicy is a bucket's own policy; what everybody may do is reported.
func (d *doctor) bucketPolicy(ctx context.Context, f *finding, bucket string) (bindings, bool) {
	policy, err := d.Storage.Bucket(bucket).IAM().V3().Policy(ctx)
	if f.trouble(err, "gs://"+bucket, "storage.buckets.getIamPolicy (roles/iam.securityReviewer)", apply+"gcloud storage buckets create gs://"+bucket) {
		return nil, false
	}
	all := bindings(policy.Bindings)
	for _, everybody := range []string{"allUsers", "allAuthenticatedUsers"} {
		for _, binding := range all {
			if (bindings{binding}).has(everybody, binding.GetRole()) {
				f.fail("gcloud storage buckets remove-iam-policy-binding gs://"+bucket+" --role="+binding.GetRole()+" --member="+everybody,
					"%s have %s on gs://%s", everybody, binding.GetRole(), bucket)
			}
		}
	}
	return all, true
}

// workers are the accounts that work with the state and ask the Gemini API.
func (d *doctor) workers() []string {
	if d.reconciles() {
		return []string{d.TasksAccount, d.ReconcileAccount}
	}
	return []string{d.TasksAccount}
}

// ownGrants wants the accounts to be able to create and read. The right to list is in
// reading: without it Cloud Storage does not say that an object is missing.
func (d *doctor) ownGrants(ctx context.Context, f *finding, bucket string, accounts ...string) {
	policy, ok := d.bucketPolicy(ctx, f, bucket)
	if !ok {
		return
	}
	for _, account := range accounts {
		member := serviceAccount(account)
		grant := apply + "gcloud storage buckets add-iam-policy-binding gs://" + bucket + " --member=" + member
		if !policy.has(member, readers...) {
			f.fail(grant+" --role=roles/storage.objectViewer", "%s may not read objects%s", member, onResource)
		}
		if !policy.has(member, creators...) {
			f.fail(grant+" --role=roles/storage.objectCreator", "%s may not create objects%s", member, onResource)
		}
	}
	f.ok("%s may read and create objects", strings.Join(accounts, " and "))
}

// resultBucket wants the private door to be able to read; location is bucket or
// bucket/prefix/.
func (d *doctor) resultBucket(ctx context.Context, f *finding, location string) {
	bucket, _, _ := strings.Cut(location, "/")
	if bucket == d.StateBucket || bucket == d.ArchiveBucket {
		f.fail("have jobs write to a bucket of its own, and name that in RESULT_BUCKETS (results.buckets)",
			"it is the bucket of the state or of the archive: no pointer to there is followed, and batches with one are batch.unreadable (bucket_not_allowed)")
		return
	}
	policy, ok := d.bucketPolicy(ctx, f, bucket)
	if !ok {
		return
	}
	tasks := serviceAccount(d.TasksAccount)
	if !policy.has(tasks, readers...) {
		f.fail(apply+"gcloud storage buckets add-iam-policy-binding gs://"+bucket+" --role=roles/storage.objectViewer --member="+tasks,
			"%s may not read it: batches there end as dead letters%s", tasks, onResource)
	}
	f.ok("%s may read it", d.TasksAccount)
}
