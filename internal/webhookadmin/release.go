package webhookadmin

import (
	"context"
	"errors"
	"fmt"
	"time"

	"example.com/gemini-webhook/internal/secret"
)

// Release makes a secret that names the webhook of this id name none, so that
// the webhook can move to another secret: [Admin.Ensure] with that one and the
// id adopts it. The webhook and the versions stay as they are. A secret that
// names another webhook or none, or is gone, is left alone. It waits while
// another run is at work on the secret. Errors: [ErrConflict], where running it
// again goes on; those of Secret Manager.
func (a *Admin) Release(ctx context.Context, name secret.Name, id string) error {
	for range maxTries {
		st, err := a.free(ctx, name)
		if errors.Is(err, secret.ErrNotFound) {
			return nil
		}
		if err != nil || st.id != id {
			return err
		}
		st.id, st.pending, st.rotated = "", nil, time.Time{}
		err = a.secrets.SetAnnotations(ctx, name, st.render(), st.etag)
		if !errors.Is(err, secret.ErrChanged) {
			return err
		}
	}
	return fmt.Errorf("%s: %w; run it again", name, ErrConflict)
}
