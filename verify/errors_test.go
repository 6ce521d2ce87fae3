package verify_test

import (
	"errors"
	"testing"

	"example.com/gemini-webhook/internal/secret"
	"example.com/gemini-webhook/verify"
)

func TestCode(t *testing.T) {
	t.Parallel()
	for want, err := range map[string]error{
		"missing_header": verify.ErrMissingHeader, "bad_header": verify.ErrBadHeader,
		"timestamp_out_of_range": verify.ErrTimestampOutOfRange, "signature_mismatch": verify.ErrSignatureMismatch,
		"unknown_key": verify.ErrUnknownKey, "algorithm_not_allowed": verify.ErrAlgorithmNotAllowed,
		"audience_mismatch": verify.ErrAudienceMismatch, "issuer_mismatch": verify.ErrIssuerMismatch,
		"bad_token": verify.ErrBadToken, "token_expired": verify.ErrTokenExpired,
		"token_not_yet_valid": verify.ErrTokenNotYetValid, "mode_disabled": verify.ErrModeDisabled, "body_mismatch": verify.ErrBodyMismatch,
		"origin_unproven": verify.ErrOriginUnproven, "unavailable": verify.ErrUnavailable,
	} {
		if got := verify.Code(errors.Join(errDown, err)); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if got := verify.Code(errDown) + verify.Code(nil) + verify.Code(secret.ErrDenied); got != "" {
		t.Errorf("errors without a code have %q", got)
	}
}
