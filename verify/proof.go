package verify

// The values that a [Proof] holds, as outcomes publish them.
const (
	ModeStatic  = "static"
	ModeDynamic = "dynamic"

	SchemeHMACSHA256 = "hmac-sha256"
	SchemeEd25519    = "ed25519"
	SchemeRS256      = "rs256"

	OriginSigningSecret = "signing_secret"
	OriginPathToken     = "path_token"
	OriginOpen          = "open"
)

// Proof says how a delivery was verified: contract, "Outcomes". It is the zero
// value where it was not.
type Proof struct {
	Mode   string // "static", "dynamic"
	Scheme string // "hmac-sha256", "ed25519", "rs256"
	Origin string // what shows that the job is ours: "signing_secret", "path_token"; or "open": nothing does
	Signer string // the secret that signed, projects/P/secrets/S; "" where Google's key did, or the secret has no name

	// Version is that of the signing secret or of the path token: which it is, is not
	// published.
	Version Version

	// Event is the event that a JWT carries, a JSON object of the members type,
	// version, timestamp, data and user_metadata as far as they are there. It
	// takes the place of the body. "" where the body is the event.
	Event string
}
