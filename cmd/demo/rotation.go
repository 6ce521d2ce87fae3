package main

import (
	"context"
	"fmt"
	"time"

	"example.com/gemini-webhook/internal/localcloud/gemini"
	"example.com/gemini-webhook/internal/webhookadmin"
	"example.com/gemini-webhook/verify/verifytest"
)

// rotation rotates the signing secret while deliveries come.
func (d *demo) rotation(ctx context.Context) error {
	d.screen.title(fmt.Sprintf("8. A rotation of the signing secret (its 24 hours take %v here)", overlap))
	old := d.secret
	var err error
	if d.secret, err = d.operator.Rotate(ctx, webhookadmin.After24h); err != nil {
		return err
	}
	rotated := time.Now()
	d.screen.say("rotated as webhookctl does: the new secret went from Gemini into Secret Manager, the old one lives on")
	// The forgery above made the receiver look for a new version already; it
	// looks again after five seconds at most. Gemini delivers again meanwhile.
	var got answer
	for tries := 1; ; tries++ {
		if got, err = d.signedWith(ctx, d.secret); err != nil {
			return err
		}
		if got.status == 200 || time.Since(rotated) > 6*time.Second {
			d.screen.say("attempt %d, %.1f s after the first", tries, time.Since(rotated).Seconds())
			break
		}
		d.screen.progress("signed with the new secret: %s; again in half a second", got)
		if err := pause(ctx, 500*time.Millisecond); err != nil {
			return err
		}
	}
	said := got.String()
	if took := time.Since(rotated); took > 5500*time.Millisecond { // half a second is between the attempts
		said = fmt.Sprintf("%s after %.1f s", got, took.Seconds())
	}
	d.screen.check("new secret, within 5 s of its first use", "200 accepted", said)
	if err := d.checkSigned(ctx, "old secret, during the overlap", old, "200 accepted"); err != nil {
		return err
	}

	before := len(d.cloud.Gemini.Deliveries())
	if _, err := d.cloud.Gemini.Emit("interaction.completed", map[string]any{"id": "both"}, gemini.EmitOptions{}); err != nil {
		return err
	}
	if err := d.wait(ctx, "Gemini's delivery", func() bool { return len(d.cloud.Gemini.Deliveries()) > before }); err != nil {
		return err
	}
	d.screen.check("Gemini's own, signed with both", 200, d.cloud.Gemini.Deliveries()[before].Status)

	for end := rotated.Add(overlap + 100*time.Millisecond); time.Now().Before(end); {
		d.screen.progress("waiting for the overlap to end: %.0f s", time.Until(end).Seconds())
		if err := pause(ctx, 200*time.Millisecond); err != nil {
			return err
		}
	}
	if err := d.checkSigned(ctx, "old secret, after the overlap", old, "401 signature_mismatch"); err != nil {
		return err
	}
	if err := d.checkSigned(ctx, "new secret, after the overlap", d.secret, "200 accepted"); err != nil {
		return err
	}
	return d.revocation(ctx)
}

// revocation rotates as for a secret that has leaked.
func (d *demo) revocation(ctx context.Context) error {
	leaked := d.secret
	var err error
	if d.secret, err = d.operator.Rotate(ctx, webhookadmin.Immediately); err != nil {
		return err
	}
	revoked := time.Now()
	var got answer
	for time.Since(revoked) < 6*time.Second {
		if got, err = d.signedWith(ctx, leaked); err != nil {
			return err
		}
		if got.status != 200 {
			d.screen.say("rotated once more, the older secrets revoked: refused %.1f s later", time.Since(revoked).Seconds())
			break
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
	d.screen.check("revoked secret, seconds later", "401 signature_mismatch", got)
	return d.checkSigned(ctx, "the secret that took its place", d.secret, "200 accepted")
}

// checkSigned notes how a new event signed with secret is answered.
func (d *demo) checkSigned(ctx context.Context, what, secret, want string) error {
	got, err := d.signedWith(ctx, secret)
	if err == nil {
		d.screen.check(what, want, got)
	}
	return err
}

// signedWith delivers a new event signed with secret.
func (d *demo) signedWith(ctx context.Context, secret string) (answer, error) {
	id := fmt.Sprintf("msg_%d", time.Now().UnixNano())
	body := fmt.Appendf(nil, `{"type":"interaction.completed","version":"v1","data":{"id":%q}}`, id)
	return post(ctx, d.url+hookPath, verifytest.Static(secret, id, time.Now(), body), body)
}
