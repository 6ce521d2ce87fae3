// Package webhookadmin keeps one static webhook of the Gemini API and its
// signing secret in step: it creates or adopts the webhook, updates, pings,
// rotates and deletes it, and stores every signing secret, which Gemini shows
// once, as a version of a Secret Manager secret, before anything else. The
// Terraform provider, webhookctl and the function RotateSigningSecret share it.
// No secret is in any value that it returns but those that its interfaces pass,
// nor in any error; it logs nothing.
//
// # State
//
// All state is in three annotations of the secret, changed under its etag only,
// so that of two runs that read the same state one writes and the other reads
// again:
//
//	gemini-webhook-id        whose keys the secret's versions are
//	gemini-webhook-pending   JSON: a run is at work, or did not finish
//	gemini-webhook-rotated   when the last rotation stored its key
//
// Nothing that makes a key is sent to Gemini before the pending mark is written,
// and the mark is removed after the key is stored, so that a key that was lost
// always leaves its mark:
//
//	           mark            Gemini         store version    id, no mark
//	create   ────────▶ pending ─────▶ pending ───────▶ pending ───────▶ kept
//	rotate   ────────▶ pending ─────▶ pending ───────▶ pending ───────▶ kept
//	adopt    ─id,mark▶ pending ─────▶ pending ───────▶ pending ───────▶ kept
//
// A run that fails after its mark says so in it (held: false), and the next run
// heals at once. The mark of one that was killed stays held; the next run waits
// until it is older than the lease (2 minutes), which is longer than a run may
// take after its mark (75 s): it finishes even if its context is cancelled
// meanwhile, for the only copy of a key is in its hands. A run whose mark was
// taken over in spite of that (its machine slept) finds it so when it ends, and
// leaves a mark that makes the next run rotate again: which of two keys is the
// newest at Gemini is not known then.
//
// # Healing
//
// A mark without a run means: a key may be in force that nobody has. What the
// next run does:
//
//	mark of a create, webhook found by name and uri   adopt it
//	mark of a create, none found                      create again
//	any mark, webhook known                           rotate as follows
//
// Gemini may sign with all keys in force, with the oldest or with the newest
// (nobody has published it). Rotating with the overlap of 24 h alone would leave
// the lost key in force, and where the oldest signs, as the only signer for a
// while: deliveries would be refused. Rotating with immediate revocation alone
// would, if storing failed again, leave no key in force that is stored. So: first
// with the overlap, which shows that keys can be stored while the stored ones
// remain, and then with immediate revocation, after which one key is in force
// and it is stored. The first step is left out where the secret has no enabled
// version, so that there is nothing to protect, and where the interrupted run
// was to revoke at once. The older versions stay enabled, for deliveries that
// are on their way; the receiver accepts them as its overlap says.
//
// A webhook is adopted in the same way: its key is as unknown as a lost one.
//
// A version may be stored twice where the answer to storing it was lost. That
// does no harm, and neither does a rotation too many.
//
// # Limits
//
// Gemini's list of webhooks is taken to be up to date. Two secrets that are
// configured for one name and uri take the webhook from each other. Clocks that
// differ by more than the lease less the time of a run (45 s) weaken the hold,
// not the healing.
package webhookadmin
