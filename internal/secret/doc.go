// Package secret has the words of Secret Manager's secrets: what they are
// called, which of a secret's versions receivers accept and until when, values
// that do not print, what a payload must look like, and why a secret cannot be
// used. It makes no calls: the adapter for Secret Manager is
// internal/gcp/secretmanager, and package store caches what it reads.
package secret
