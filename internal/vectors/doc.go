// Package vectors has deliveries, genuine ones and others, and what a receiver has
// to make of each: docs/vectors.json is made of them, and webhookctl conformance
// signs them anew for a receiver that is running. docs/vectors.md has the format.
//
// The cases are signed by [verifytest], which shares no code with package verify.
package vectors
