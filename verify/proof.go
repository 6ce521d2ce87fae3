package verify

// Proof says how a delivery was verified: SPEC.md "Outcomes". It is the zero
// value where it was not.
type Proof struct {
	Mode   string // "static", "dynamic"
	Scheme string // "hmac-sha256", "ed25519", "rs256"
	Origin string // what shows that the job is ours: "signing_secret", "path_token"; or "open": nothing does
	Signer string // the secret that signed, projects/P/secrets/S; "" where Google's key did

	// Event is the event that a JWT carries, a JSON object of the members type,
	// version, timestamp, data and user_metadata as far as they are there. It
	// takes the place of the body. "" where the body is the event.
	Event string
}
