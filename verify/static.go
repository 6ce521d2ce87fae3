package verify

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"slices"
	"sync"
	"time"
)

// The values that a [Proof] of the static mode holds, as outcomes publish them.
const (
	ModeStatic          = "static"
	SchemeHMACSHA256    = "hmac-sha256"
	OriginSigningSecret = "signing_secret"
)

const versionHMAC = "v1" // of a signature's entry

// Proof says how a delivery was verified: SPEC.md "Outcomes". It is the zero
// value where it was not.
type Proof struct {
	Mode   string // "static"
	Scheme string // "hmac-sha256"
	Origin string // what shows that the job is ours: "signing_secret"
	Signer string // the secret that verified, projects/P/secrets/S
}

// Static verifies deliveries that are signed with a secret of ours: Standard
// Webhooks' symmetric scheme, "v1,<base64>".
type Static struct {
	store   *SecretStore
	secrets []*secretSet
}

// NewStatic returns a verifier that accepts what any of the secrets
// (projects/P/secrets/S) signed. Overlap is how long a version is accepted
// after the next one was created. It looks nothing up yet.
func NewStatic(store *SecretStore, secrets []string, overlap time.Duration) *Static {
	s := &Static{store: store}
	for _, name := range secrets {
		s.secrets = append(s.secrets, store.add(name, overlap, signingKeys))
	}
	return s
}

// Verify returns which secret signed the delivery. Errors:
// [ErrSignatureMismatch] where none did, [ErrUnavailable] where none did but
// one cannot be read, which might. It does not check the timestamp, and
// ignores entries of other schemes.
func (s *Static) Verify(ctx context.Context, h Headers, body []byte) (Proof, error) {
	return s.verify(ctx, h, body, true)
}

// verify does Verify; probe says whether a mismatch may cause a look for new versions.
func (s *Static) verify(ctx context.Context, h Headers, body []byte, probe bool) (Proof, error) {
	d := newSigned(h, body)
	if len(d.signatures) == 0 {
		return Proof{}, fmt.Errorf("%w: no v1 entry is the base64 of 32 bytes", ErrSignatureMismatch)
	}
	tried := make([]*snapshot, len(s.secrets))
	missing := 0
	for i, secret := range s.secrets {
		set, fresh := secret.peek()
		if !fresh {
			missing++
			continue
		}
		tried[i] = set
		if s.try(d, secret, set) {
			return proofOf(secret), nil
		}
	}
	// From here on it is slow. Look-ups go on when the client has hung up, for
	// others may be waiting for them.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), waitTimeout)
	defer cancel()
	if missing > 0 {
		s.lookUp(ctx, tried)
		if proof, ok := s.retry(d, tried); ok {
			return proof, nil
		}
	}
	if probe && slices.ContainsFunc(tried, (*snapshot).readable) {
		s.store.probe(ctx)
		if proof, ok := s.retry(d, tried); ok {
			return proof, nil
		}
	}
	for _, secret := range s.secrets {
		if _, err := secret.serving(); err != nil {
			return Proof{}, err
		}
	}
	return Proof{}, fmt.Errorf("%w: it is of none of the accepted versions of %d secrets", ErrSignatureMismatch, len(s.secrets))
}

// lookUp brings in the secrets that were not tried, together: one that hangs
// does not use up the time of the next.
func (s *Static) lookUp(ctx context.Context, tried []*snapshot) {
	var wg sync.WaitGroup
	for i, secret := range s.secrets {
		if tried[i] == nil {
			wg.Go(func() { secret.refresh(ctx) })
		}
	}
	wg.Wait()
}

// retry tries every set that has changed since it was tried.
func (s *Static) retry(d *signed, tried []*snapshot) (Proof, bool) {
	for i, secret := range s.secrets {
		set, err := secret.serving()
		if err != nil || set == tried[i] {
			continue
		}
		tried[i] = set
		if s.try(d, secret, set) {
			return proofOf(secret), true
		}
	}
	return Proof{}, false
}

func (s *Static) try(d *signed, secret *secretSet, set *snapshot) bool {
	for keys := range set.accepted(s.store.now(), secret.overlap) {
		for _, k := range keys {
			if d.by(k) {
				return true
			}
		}
	}
	return false
}

func proofOf(secret *secretSet) Proof {
	return Proof{Mode: ModeStatic, Scheme: SchemeHMACSHA256, Origin: OriginSigningSecret, Signer: secret.name}
}

// signed is one delivery with the signatures it claims.
type signed struct {
	prefix     []byte // "id.timestamp."
	body       []byte
	signatures [][sha256.Size]byte
}

func newSigned(h Headers, body []byte) *signed {
	d := &signed{body: body}
	for _, e := range h.entries {
		if e.version != versionHMAC || len(e.text) != base64.StdEncoding.EncodedLen(sha256.Size) {
			continue
		}
		// Room for what the padding stands for: DecodedLen counts it in.
		var sum [sha256.Size + 1]byte
		if n, err := base64.StdEncoding.Strict().Decode(sum[:], []byte(e.text)); err == nil && n == sha256.Size {
			d.signatures = append(d.signatures, [sha256.Size]byte(sum[:sha256.Size]))
		}
	}
	d.prefix = make([]byte, 0, len(h.ID)+len(h.timestampText)+2)
	d.prefix = append(d.prefix, h.ID...)
	d.prefix = append(d.prefix, '.')
	d.prefix = append(d.prefix, h.timestampText...)
	d.prefix = append(d.prefix, '.')
	return d
}

// by computes the key's MAC once, and compares each signature in constant time.
func (d *signed) by(k key) bool {
	mac := hmac.New(sha256.New, k.secret())
	mac.Write(d.prefix)
	mac.Write(d.body)
	var sum [sha256.Size]byte
	mac.Sum(sum[:0])
	good := 0
	for i := range d.signatures {
		good |= subtle.ConstantTimeCompare(d.signatures[i][:], sum[:])
	}
	return good == 1
}
