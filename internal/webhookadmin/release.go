package webhookadmin

import (
	"context"
	"errors"
	"fmt"
	"time"

	"example.com/gemini-webhook/internal/gcp/secretmanager"
)

// Release makes a secret that names the webhook of this id name none, so that
// the webhook can move to another secret: [Admin.Ensure] with that one and the
// id adopts it. The webhook and the versions stay as they are. A secret that
// names another webhook or none, or is gone, is left alone. It waits while
// another run is at work on the secret. Errors: [ErrConflict], where running it
// again goes on; those of Secret Manager.
func (a *Admin) Release(ctx context.Context, secret, id string) error {
	for range maxTries {
		st, err := a.free(ctx, secret)
		if secretmanager.IsNotFound(err) {
			return nil
		}
		if err != nil || st.id != id {
			return err
		}
		st.id, st.pending, st.rotated = "", nil, time.Time{}
		err = a.secrets.SetAnnotations(ctx, secret, st.render(), st.etag)
		if !errors.Is(err, secretmanager.ErrConflict) {
			return err
		}
	}
	return fmt.Errorf("%s: %w; run it again", secret, ErrConflict)
}
