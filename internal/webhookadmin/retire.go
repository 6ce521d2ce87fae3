package webhookadmin

import (
	"cmp"
	"context"
	"slices"
	"time"

	"example.com/gemini-webhook/internal/gcp/secretmanager"
)

// Retire disables the enabled versions that no receiver accepts any more: those
// whose next version, in whatever state, was created longer than overlap ago
// (SIGNING_SECRET_OVERLAP). The newest enabled one stays. It returns the numbers
// of those that it disabled, also with an error.
func (a *Admin) Retire(ctx context.Context, secret string, overlap time.Duration) (disabled []int64, err error) {
	versions, err := a.newestFirst(ctx, secret)
	if err != nil {
		return nil, err
	}
	now, newest := a.now(), true
	for i, v := range versions {
		if !v.Enabled {
			continue
		}
		if newest || now.Sub(versions[i-1].Created) <= overlap {
			newest = false
			continue
		}
		if err := a.secrets.Disable(ctx, secret, v.Number); err != nil {
			return disabled, err
		}
		disabled = append(disabled, v.Number)
	}
	return disabled, nil
}

// disableOlder disables all enabled versions before number, trying until ctx
// ends where an error may pass.
func (a *Admin) disableOlder(ctx context.Context, secret string, number int64) (disabled []int64, err error) {
	for pause := a.pause; ; pause = min(2*pause, maxPause) {
		var versions []secretmanager.Version
		if versions, err = a.newestFirst(ctx, secret); err == nil {
			for _, v := range versions {
				if !v.Enabled || v.Number >= number || slices.Contains(disabled, v.Number) {
					continue
				}
				if err = a.secrets.Disable(ctx, secret, v.Number); err != nil {
					break
				}
				disabled = append(disabled, v.Number)
			}
		}
		if err == nil || secretmanager.Definite(err) || !sleep(ctx, pause) {
			return disabled, err
		}
	}
}

func (a *Admin) newestFirst(ctx context.Context, secret string) ([]secretmanager.Version, error) {
	versions, err := a.secrets.Versions(ctx, secret)
	if err != nil {
		return nil, err
	}
	return slices.SortedFunc(slices.Values(versions), func(a, b secretmanager.Version) int { return cmp.Compare(b.Number, a.Number) }), nil
}
