package devserver

import (
	"context"
	"slices"
	"sync"
	"time"

	"example.com/gemini-webhook/internal/explain"
	"example.com/gemini-webhook/internal/gcp/secretmanager"
	"example.com/gemini-webhook/internal/localcloud"
	"example.com/gemini-webhook/internal/localcloud/secrets"
	"example.com/gemini-webhook/internal/secret"
)

// keys are the versions that there were at one time. Deliveries share them.
type keys struct{ secrets, tokens []explain.Version }

// keyring gives the keys of now.
type keyring struct {
	server  *secrets.Server
	client  *secretmanager.Client
	overlap time.Duration // of the signing secret

	mu      sync.Mutex
	current *keys
	calls   int       // that could change something, when current was read
	settled time.Time // until then it is read again: a call is counted before it is done
}

// changing are the methods after which there are other versions.
var changing = []string{"CreateSecret", "AddSecretVersion", "EnableSecretVersion", "DisableSecretVersion", "DestroySecretVersion", "DeleteSecret"}

const (
	settleTime   = time.Second
	readTimeout  = 2 * time.Second
	tokenOverlap = 96 * time.Hour // the receiver's default
)

// now reads the versions where they may have changed. Where that fails, the last ones
// are given.
func (k *keyring) now(ctx context.Context) *keys {
	k.mu.Lock()
	defer k.mu.Unlock()
	calls := 0
	for _, method := range changing {
		calls += k.server.Count(method)
	}
	if k.current != nil && calls == k.calls && time.Now().After(k.settled) {
		return k.current
	}
	if calls != k.calls {
		k.settled = time.Now().Add(settleTime)
	}
	k.calls = calls
	read, err := k.read(ctx)
	switch {
	case err != nil && k.current == nil:
		k.current = &keys{}
	case err != nil:
	case k.current == nil || !same(k.current.secrets, read.secrets) || !same(k.current.tokens, read.tokens):
		k.current = read
	}
	return k.current
}

func (k *keyring) read(ctx context.Context) (*keys, error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	signing, err := explain.Load(ctx, k.client, []secret.Name{localcloud.SigningSecret}, k.overlap, nil, secret.SigningKeys)
	if err != nil {
		return nil, err
	}
	tokens, err := explain.Load(ctx, k.client, []secret.Name{localcloud.TokenSecret}, tokenOverlap, nil, secret.PathTokens)
	return &keys{signing, tokens}, err
}

func same(a, b []explain.Version) bool {
	return slices.EqualFunc(a, b, func(a, b explain.Version) bool {
		return a.Name == b.Name && a.Refused == b.Refused && a.Until.Equal(b.Until)
	})
}

// newest is the payload of the newest version that is accepted.
func newest(versions []explain.Version) string {
	for _, v := range explain.At(versions, time.Now()) {
		if v.Refused == "" {
			return string(v.Text.Reveal())
		}
	}
	return ""
}

// versions are what may be shown of them.
func versions(all []explain.Version) []Version {
	shown := make([]Version, 0, len(all))
	for _, v := range explain.At(all, time.Now()) {
		shown = append(shown, Version{v.Name, v.Refused})
	}
	return shown
}
