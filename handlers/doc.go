// Package handlers is what the function does at its HTTP edges, and no more: the
// public door verifies deliveries and queues them (Receiver), the tasks door
// passes on what the queue pushes and answers for it (Processor), Doors routes
// between them, and Rotator answers Secret Manager's notifications.
//
// What becomes of queued work is in internal/work and internal/batch. The package
// knows no cloud client: the interfaces here are what it needs of them.
package handlers
