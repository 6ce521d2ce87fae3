package main

import (
	"context"
	"fmt"
	"time"

	"example.com/gemini-webhook/verify/verifytest"
)

// attacks sends deliveries that must be refused, and one that was sent before.
func (d *demo) attacks(ctx context.Context, done outcome) error {
	d.screen.title("6. Deliveries that Gemini did not send, or sent before")
	body := fmt.Appendf(nil, `{"type":"batch.succeeded","version":"v1","timestamp":%q,"data":{"id":%q}}`,
		time.Now().UTC().Format(time.RFC3339), done.ResourceID)
	before := d.published()
	const stranger = "whsec_c3RyYW5nZXJzIGtleSwgbm90IG91cnMgYXQgYWxsISE="
	for _, a := range []struct {
		what, secret string
		at           time.Time
		body         []byte
		want         string
	}{
		{"forged: signed with another key", stranger, time.Now(), body, "401 signature_mismatch"},
		{"stale: genuine, ten minutes old", d.secret, time.Now().Add(-10 * time.Minute), body, "401 timestamp_out_of_range"},
		{"repeated: the batch's event once more", d.secret, time.Now(), body, "200 accepted"},
		{"repeated: the same delivery again", d.secret, time.Now(), body, "200 accepted"},
	} {
		got, err := post(ctx, d.url+hookPath, verifytest.Static(a.secret, "msg_demo", a.at, a.body), a.body)
		if err != nil {
			return err
		}
		d.screen.check(a.what, a.want, got)
	}
	// What the repeats might cause would be published before this.
	body = []byte(`{"type":"interaction.completed","version":"v1","timestamp":"2026-01-22T12:00:00Z","data":{"id":"interaction_demo"}}`)
	got, err := post(ctx, d.url+hookPath, verifytest.Static(d.secret, "msg_other", time.Now(), body), body)
	if err != nil {
		return err
	}
	d.screen.check("a genuine interaction.completed", "200 accepted", got)
	if _, err := d.outcome(ctx, "interaction.completed", "interaction_demo"); err != nil {
		return err
	}
	d.screen.check("new outcomes published for the repeats", 0, d.published()-before-1)
	return nil
}
