package verify

import (
	"context"
	"fmt"
	"strings"
	"time"
)

const (
	pushLeeway    = 30 * time.Second // between Google's clock and ours
	maxTokenBytes = 8 << 10          // Google's tokens are about 1 KiB
	googleIssuer  = "https://accounts.google.com"
	bearerScheme  = "bearer "
)

// PushTokens verifies the OIDC tokens that Pub/Sub sends with each push:
// contract, "The private door". Every field is required.
type PushTokens struct {
	Keys           KeySet           // Google's OAuth2 certificates
	Audience       string           // the subscription's
	ServiceAccount string           // e-mail of the account that the subscription pushes as
	Now            func() time.Time // the clock
}

// Verify checks the values of the Authorization header. Errors, all for 401
// but the last: [ErrBadToken] where there is not exactly one Bearer token, or
// it cannot be read, or is another account's; [ErrAlgorithmNotAllowed],
// [ErrUnknownKey], [ErrSignatureMismatch], [ErrIssuerMismatch],
// [ErrAudienceMismatch], [ErrTokenExpired], [ErrTokenNotYetValid];
// [ErrUnavailable] where the keys cannot be fetched.
//
// It does not tell one push from another: a token is good for an hour.
func (p *PushTokens) Verify(ctx context.Context, authorization []string) error {
	token, err := bearerToken(authorization)
	if err != nil {
		return err
	}
	c, err := verifyRS256(ctx, p.Keys, token, true)
	if err != nil {
		return err
	}
	if iss := c.text("iss"); iss != googleIssuer && "https://"+iss != googleIssuer {
		return fmt.Errorf("%w: it is not Google", ErrIssuerMismatch)
	}
	if aud := c.audiences(); len(aud) != 1 || aud[0] != p.Audience || p.Audience == "" {
		return fmt.Errorf("%w: set the subscription's audience and PUSH_AUDIENCE to the same value", ErrAudienceMismatch)
	}
	now := p.Now()
	if err := c.checkLifetime(now, pushLeeway); err != nil {
		return err
	}
	if err := c.checkFrom("iat", now, pushLeeway); err != nil {
		return err
	}
	if c.text("email") != p.ServiceAccount || p.ServiceAccount == "" || !c.isTrue("email_verified") {
		return fmt.Errorf("%w: it is not of the account PUSH_SERVICE_ACCOUNT with a verified e-mail", ErrBadToken)
	}
	return nil
}

func bearerToken(authorization []string) (string, error) {
	if len(authorization) != 1 {
		return "", fmt.Errorf("%w: %d Authorization headers, want 1", ErrBadToken, len(authorization))
	}
	value := authorization[0]
	if len(value) > maxTokenBytes {
		return "", fmt.Errorf("%w: it is over %d bytes", ErrBadToken, maxTokenBytes)
	}
	if len(value) < len(bearerScheme) || !strings.EqualFold(value[:len(bearerScheme)], bearerScheme) {
		return "", fmt.Errorf("%w: the Authorization header wants a Bearer token", ErrBadToken)
	}
	return strings.TrimSpace(value[len(bearerScheme):]), nil
}
