package explain

import (
	"bytes"
	"context"
	"slices"
	"time"

	"example.com/gemini-webhook/internal/secret"
)

// Source reads secrets, as Secret Manager does.
type Source interface {
	Versions(ctx context.Context, name secret.Name) ([]secret.Version, error)
	Access(ctx context.Context, name secret.Name, number int64) (secret.Value, error)
}

// maxVersions of a secret are read, the newest of those that are enabled.
const maxVersions = 10

// Load reads the versions of secrets, and until when receivers accept each; revoked are
// names of versions that they never do. It is never nil, but for an error.
func Load(ctx context.Context, from Source, names []secret.Name, overlap time.Duration, revoked []string, read func([]byte) ([]secret.Value, error)) ([]Version, error) {
	all := []Version{}
	for _, name := range names {
		listed, err := from.Versions(ctx, name)
		if err != nil {
			return nil, err
		}
		listed = secret.NewestFirst(listed)
		count := 0
		for i, v := range listed {
			if !v.Enabled {
				continue
			}
			if count++; count > maxVersions {
				break
			}
			text, err := from.Access(ctx, name, v.Number)
			if err != nil {
				return nil, err
			}
			made := VersionOf(name.Version(v.Number).String(), text, read)
			made.Until = secret.AcceptedUntil(v, listed[:i], overlap)
			if made.Refused == "" && slices.Contains(revoked, made.Name) {
				made.Refused = "it is in REVOKED_VERSIONS"
			}
			all = append(all, made)
		}
	}
	return all, nil
}

// VersionOf reads one payload.
func VersionOf(name string, text secret.Value, read func([]byte) ([]secret.Value, error)) Version {
	v := Version{Name: name, Text: secret.NewValue(bytes.TrimSpace(text.Reveal()))}
	var err error
	if v.Values, err = read(text.Reveal()); err != nil {
		v.Refused = err.Error()
	}
	return v
}

// At are the versions as receivers take them at that time; nil stays nil.
func At(versions []Version, now time.Time) []Version {
	versions = slices.Clone(versions)
	for i, v := range versions {
		if v.Refused == "" && !v.Until.IsZero() && !now.Before(v.Until) {
			versions[i].Refused = "a newer one has replaced it, and its overlap ended at " + v.Until.UTC().Format(time.RFC3339)
		}
	}
	return versions
}
