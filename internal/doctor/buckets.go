package doctor

import (
	"context"
	"strings"

	"cloud.google.com/go/storage"
)

// minStateDays is longer than any retention of messages, so that a task that is
// delivered late finds what was done.
const minStateDays = 31

func (d *doctor) stateBucket(ctx context.Context, f *finding) {
	name := "gs://" + d.StateBucket
	attrs, err := d.Storage.Bucket(d.StateBucket).Attrs(ctx)
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
	switch age := deletedAfter(attrs.Lifecycle); {
	case age == 0:
		f.warn(update+" --lifecycle-file=… (delete after 60 days)", "no lifecycle rule deletes old state: it grows for ever")
	case age < minStateDays:
		f.fail(update+" --lifecycle-file=… (delete after 60 days)", "state is deleted after %d days: a task that comes later is done again, so results repeat", age)
	}
	if soft := attrs.SoftDeletePolicy; soft != nil && soft.RetentionDuration > 0 {
		f.warn(update+" --clear-soft-delete", "soft delete keeps, and bills, deleted state for %d days", int(soft.RetentionDuration/day))
	}
	f.ok("%s is private and deletes state after %d days", name, deletedAfter(attrs.Lifecycle))
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

func (d *doctor) stateGrants(ctx context.Context, f *finding) {
	policy, ok := d.bucketPolicy(ctx, f, d.StateBucket)
	if !ok {
		return
	}
	tasks := serviceAccount(d.TasksAccount)
	grant := apply + "gcloud storage buckets add-iam-policy-binding gs://" + d.StateBucket + " --member=" + tasks
	if !policy.has(tasks, readers...) {
		f.fail(grant+" --role=roles/storage.objectViewer", "%s may not read objects%s", tasks, onResource)
	}
	if !policy.has(tasks, creators...) {
		f.fail(grant+" --role=roles/storage.objectCreator", "%s may not create objects%s", tasks, onResource)
	}
	f.ok("%s may read and create objects", d.TasksAccount)
}

// resultBucket wants the private door to be able to read; location is bucket or
// bucket/prefix/.
func (d *doctor) resultBucket(ctx context.Context, f *finding, location string) {
	bucket, _, _ := strings.Cut(location, "/")
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
