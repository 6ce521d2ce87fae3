package explain

import (
	"errors"

	"example.com/gemini-webhook/verify"
)

// headerWants is the form of each header.
var headerWants = map[string]string{
	"webhook-id":        "1 to 256 visible ASCII characters without a dot",
	"webhook-timestamp": "Unix seconds: digits, the first one no 0",
	"webhook-signature": "v1,<base64>, v1a,<base64> or a JWT, several of them separated by spaces",
}

// advice is what to do about a refusal, for each that a delivery can meet. The
// meanings are those of the runbook on refused deliveries.
var advice = []struct {
	err error
	do  string
}{
	{verify.ErrMissingHeader, "see whether a proxy or the capture has dropped it: without it nothing can be verified"},
	{verify.ErrBadHeader, "see who wrote it: Gemini sends each header once, in this form"},
	{verify.ErrTimestampOutOfRange, "a replay, or a wrong clock: compare the clocks of both sides"},
	{verify.ErrSignatureMismatch, "compare the signing secret with Gemini's (webhookctl webhook get), and see that nothing on the way changes the body"},
	{verify.ErrUnknownKey, "see that the key set is the sender's (JWKS_URL), and whether the key has been withdrawn"},
	{verify.ErrAlgorithmNotAllowed, "only RS256 is taken: a token with another algorithm is no delivery of Gemini's"},
	{verify.ErrAudienceMismatch, "if the audience is yours, add it to JWT_AUDIENCES"},
	{verify.ErrIssuerMismatch, "if the issuer is the sender's, add it to JWT_ISSUERS"},
	{verify.ErrBadToken, "no token of Gemini's is like that: see whether the capture has cut it"},
	{verify.ErrTokenExpired, "if it is an older capture, webhookctl verify --now takes its time; else it is a replay"},
	{verify.ErrTokenNotYetValid, "compare the clocks of both sides"},
	{verify.ErrBodyMismatch, "somebody has changed the body, or the capture has: the token is what is signed"},
	{verify.ErrModeDisabled, "static deliveries want SIGNING_SECRETS and a path outside /dynamic/, dynamic ones DYNAMIC_TOKEN_SECRET and a path below it"},
	{verify.ErrOriginUnproven, "give jobs the URL that webhookctl dynamic-uri prints: Google's signature alone does not say whose job it is"},
	{verify.ErrUnavailable, "see why the key set cannot be fetched (--jwks-url), or give it as a file (--jwks-file)"},
}

func adviceOf(err error) string {
	for _, a := range advice {
		if errors.Is(err, a.err) {
			return a.do
		}
	}
	return ""
}
