// Package reconcile finds jobs that ended without an event of theirs, and queues the
// events that should have come (contract, "Reconciliation").
//
// A run lists the jobs of each source, page by page, and the jobs that have an owner in
// the state bucket. What ended in the window and has none is queued. Nothing is claimed
// here: the tasks door makes the owner when it works on the event, and of two events of
// a job, by whichever way they came, it publishes one. So runs may overlap, break off and
// be repeated.
//
// It also enables the webhooks again that Gemini disabled after failed deliveries, once
// their receiver is healthy, and has Gemini ping one of them, to see that deliveries
// arrive (Canary).
//
// The package knows no cloud client: sources, the queue and the webhooks are its
// arguments.
package reconcile
