package main

import (
	"context"
	"fmt"

	"example.com/gemini-webhook/internal/gcp/secretmanager"
	"example.com/gemini-webhook/internal/secret"
)

// whyRefused is why receivers refuse a version, and nil where they take it or it
// may not be read here.
func whyRefused(ctx context.Context, client *secretmanager.Client, name secret.Name, number int64, read func([]byte) ([]secret.Value, error)) error {
	payload, err := client.Access(ctx, name, number)
	if err != nil {
		return nil
	}
	_, err = read(payload.Reveal())
	return err
}

// warnRefused says why receivers refuse the newest signing secret, if they do:
// before the first delivery does.
func (s *services) warnRefused(ctx context.Context, out streams, name secret.Name) {
	number, err := newestEnabled(ctx, s.secrets, name)
	if err != nil {
		return
	}
	if why := whyRefused(ctx, s.secrets, name, number, secret.SigningKeys); why != nil {
		fmt.Fprintf(out.messages, "receivers refuse version %d of %s: %v; or make another one with: webhookctl webhook rotate\n", number, name, why)
	}
}
