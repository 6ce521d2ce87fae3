// Package verify decides whether a delivery is genuine, and whether a push to
// the tasks door comes from our own Pub/Sub subscription.
//
// The smallest call is [Delivery]: body, headers, keys and clock give a [Proof]
// or an error. It checks Standard Webhooks signatures (hmac-sha256) with shared
// secrets. A [Verifier] also takes what Google signs (ed25519, and rs256 in a
// JWT), under a token in the path: Google signs for all its customers alike.
// [PushTokens] checks the Google OIDC tokens of pushes.
//
// Where keys come from is behind two interfaces of one method, [Secrets] and
// [KeySet]; [StaticSecrets] and [StaticKeys] are fixed ones. All else is
// functions of the arguments: the package starts no goroutine, sets no timer,
// makes no call and writes no log. It does not read bodies, answer requests,
// remember deliveries that it has seen, or parse events.
package verify
