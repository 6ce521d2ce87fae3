package webhookadmin

import (
	"context"
	"slices"
	"time"

	"example.com/gemini-webhook/internal/secret"
)

// Retire disables the enabled versions that no receiver accepts any more, with
// an overlap of SIGNING_SECRET_OVERLAP. The newest enabled one stays. It returns
// the numbers of those that it disabled, also with an error.
func (a *Admin) Retire(ctx context.Context, name secret.Name, overlap time.Duration) (disabled []int64, err error) {
	versions, err := a.newestFirst(ctx, name)
	if err != nil {
		return nil, err
	}
	now := a.now()
	for i, v := range versions {
		if !v.Enabled || now.Before(secret.AcceptedUntil(v, versions[:i], overlap)) {
			continue
		}
		if err := a.secrets.Disable(ctx, name, v.Number); err != nil {
			return disabled, err
		}
		disabled = append(disabled, v.Number)
	}
	return disabled, nil
}

// disableOlder disables all enabled versions before number, trying until ctx
// ends where an error may pass.
func (a *Admin) disableOlder(ctx context.Context, name secret.Name, number int64) (disabled []int64, err error) {
	err = a.retry(ctx, func() error {
		versions, err := a.newestFirst(ctx, name)
		for _, v := range versions {
			if !v.Enabled || v.Number >= number || slices.Contains(disabled, v.Number) {
				continue
			}
			if err := a.secrets.Disable(ctx, name, v.Number); err != nil {
				return err
			}
			disabled = append(disabled, v.Number)
		}
		return err
	})
	return disabled, err
}

func (a *Admin) newestFirst(ctx context.Context, name secret.Name) ([]secret.Version, error) {
	versions, err := a.secrets.Versions(ctx, name)
	if err != nil {
		return nil, err
	}
	return secret.NewestFirst(versions), nil
}
