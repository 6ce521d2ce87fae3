package verify

import "errors"

// Why a delivery or a push was refused. Each carries the stable code of
// the contract, "The public door", see [Code]. They come wrapped with what went
// wrong, never with a header value, a body, a token or a secret.
var (
	// ErrMissingHeader: a required header is absent. The caller answers 400.
	ErrMissingHeader = sentinel("missing_header", "a required header is missing")
	// ErrBadHeader: a required header is repeated or ill-formed. The caller answers 400.
	ErrBadHeader = sentinel("bad_header", "a required header is repeated or ill-formed")
	// ErrTimestampOutOfRange: the timestamp, or a token's iat, is further from now than the tolerance.
	ErrTimestampOutOfRange = sentinel("timestamp_out_of_range", "the timestamp is outside the tolerance")
	// ErrSignatureMismatch: no signature is that of a key we hold.
	ErrSignatureMismatch = sentinel("signature_mismatch", "no signature matches")
	// ErrUnknownKey: the key set has no key of the token's kid.
	ErrUnknownKey = sentinel("unknown_key", "the key set has no such key")
	// ErrAlgorithmNotAllowed: the token is not signed with RS256.
	ErrAlgorithmNotAllowed = sentinel("algorithm_not_allowed", "the algorithm is not allowed")
	// ErrAudienceMismatch: the token is meant for somebody else.
	ErrAudienceMismatch = sentinel("audience_mismatch", "the audience is another")
	// ErrIssuerMismatch: the token is issued by somebody else.
	ErrIssuerMismatch = sentinel("issuer_mismatch", "the issuer is another")
	// ErrBadToken: the token is absent, cannot be read, or lacks or contradicts a claim.
	ErrBadToken = sentinel("bad_token", "the token is bad")
	// ErrTokenExpired: exp has passed.
	ErrTokenExpired = sentinel("token_expired", "the token has expired")
	// ErrTokenNotYetValid: nbf, or a push token's iat, lies in the future.
	ErrTokenNotYetValid = sentinel("token_not_yet_valid", "the token is not valid yet")
	// ErrBodyMismatch: the body is not the event that the token carries.
	ErrBodyMismatch = sentinel("body_mismatch", "the body differs from the event in the token")
	// ErrModeDisabled: the delivery's mode is not configured, or not on this path.
	ErrModeDisabled = sentinel("mode_disabled", "this mode is not enabled here")
	// ErrOriginUnproven: the delivery may be Google's, but nothing shows that its job is ours.
	ErrOriginUnproven = sentinel("origin_unproven", "nothing proves that the job is ours")
	// ErrUnavailable: a secret or key set cannot be looked up now and nothing
	// cached serves. The caller answers 503, so that the sender tries again.
	ErrUnavailable = sentinel("unavailable", "keys cannot be looked up now, try again later")
)

// StaleError is what is wrong with a delivery that is genuine, but whose
// timestamp, or its token's, is too far from now: a replay, or a wrong clock. It
// wraps [ErrTimestampOutOfRange].
type StaleError struct {
	Proof Proof // who signed
	err   error
}

func (e *StaleError) Error() string { return e.err.Error() }

// Unwrap makes errors.Is see [ErrTimestampOutOfRange].
func (e *StaleError) Unwrap() error { return e.err }

// Code returns the stable code of the contract for an error of this package,
// wrapped or not, and "" for any other error and for nil.
func Code(err error) string {
	if e, ok := errors.AsType[*codedError](err); ok {
		return e.code
	}
	return ""
}

// codedError is a sentinel with its stable code.
type codedError struct{ code, text string }

func (e *codedError) Error() string { return e.text }

func sentinel(code, text string) error { return &codedError{code, text} }
