// Package batch works on the results of a batch: a plan, its ranges, their
// lines, and batch.completed when all of them are done.
//
// A Worker does one Task at a time, in an order in which every crash heals:
//
//	an event:  find the objects, pin them, store the plan, queue a task for
//	           each of its ranges
//	a range:   publish the lines that no marker covers, wait until they are
//	           acknowledged, mark them; complete the batch if they were the last
//
// Whatever it returns no error for is finished or handed on. A task whose time
// is over, or whose instance is stopped, marks what is done and queues the rest.
// The task of a plan's last range, its keeper, waits until the batch is completed.
//
// The package owns all that is kept in the state bucket, also of events that are
// no batch's:
//
//	v1/<event key>/plan                           the plan: objects, generations, ranges
//	v1/<event key>/<plan>/range/<object>/<a>-<b>  lines that begin in [a, b) are published; counts in the metadata
//	v1/<event key>/<plan>/queued-<made>           all ranges of the plan made then are queued
//	v1/<event key>/<plan>/completing              who is to publish batch.completed
//	v1/<event key>/flag/<name>                    a step that happens once: completed, published, incomplete-<n>
//	v1/jobs/<job key>                             the job's owner: whose event its outcomes are of
//	v1/retries/<job key>/                         what was made of a job's failed lines: package retry's
//	v1/reconcile/runs/<time>                      what a reconciliation that began then did
//
// Nothing is ever overwritten: each object is created with a does-not-exist
// precondition, and who loses the race uses the winner's. Any of it may be deleted
// at any time: that can cause repeats, never loss.
//
// The package knows no cloud client: Queue, Topic, Stream and Store are what it
// needs of them. It acknowledges nothing: its caller does.
package batch
