package store_test

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"example.com/gemini-webhook/internal/secret"
	"example.com/gemini-webhook/internal/secret/store"
	"example.com/gemini-webhook/internal/secret/store/storetest"
	"example.com/gemini-webhook/verify"
	"example.com/gemini-webhook/verify/verifytest"
)

// A secret that is rotated: the new version is found by the first delivery that
// it signed, the old one is accepted until its overlap ends.
func Example() {
	const name = "projects/p/secrets/signing"
	clock := verifytest.NewClock(time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC))
	source := storetest.Of(name, payload1) // stands for Secret Manager

	secrets := store.New(source, store.Config{
		TTL: 5 * time.Minute, StaleLimit: 6 * time.Hour, Now: clock.Now, Log: slog.New(slog.DiscardHandler),
	})
	keys := secrets.Set([]secret.Name{name}, 24*time.Hour, secret.SigningKeys)
	deliver := func(what, payload string) {
		proof, err := verify.Delivery(context.Background(), body, verifytest.Static(payload, "msg_1", clock.Now(), body), keys, clock.Now())
		if err != nil {
			fmt.Println(what, "refused:", verify.Code(err))
			return
		}
		fmt.Println(what, "signed with", proof.Signer)
	}

	deliver("old:", payload1)
	source.Add(name, payload2, clock.Now())
	deliver("new:", payload2)
	clock.Add(23 * time.Hour)
	deliver("old, in its overlap:", payload1)
	clock.Add(time.Hour)
	deliver("old, after it:", payload1)
	// Output:
	// old: signed with projects/p/secrets/signing
	// new: signed with projects/p/secrets/signing
	// old, in its overlap: signed with projects/p/secrets/signing
	// old, after it: refused: signature_mismatch
}
