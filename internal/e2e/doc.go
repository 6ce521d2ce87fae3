// Package e2e tests the program that is deployed: it builds cmd/receiver, runs
// it as a child process against the embedded cloud, and checks what arrives
// on Pub/Sub. It holds tests alone; what a package's own tests can show is
// shown there.
package e2e
