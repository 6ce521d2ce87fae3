// Package verify decides whether a delivery is genuine, and whether a push to
// the private door comes from our own Pub/Sub subscription.
//
// The static mode checks Standard Webhooks signatures (hmac-sha256) against
// the versions of Secret Manager secrets. The dynamic mode checks Google's
// (ed25519, and rs256 in a JWT) against a JWKS, and a token in the path against
// the versions of a secret: Google signs for all its customers alike. Push
// tokens are Google OIDC tokens checked against a JWKS. Everything is looked up on the request path, for the
// CPU of an instance is frozen between requests: there are no background
// goroutines and no timers. The clock, the secret source and the logger are
// arguments.
//
// The package does not read bodies, answer requests, remember deliveries that
// it has seen, or parse events.
package verify
