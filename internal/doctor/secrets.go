package doctor

import (
	"context"
	"fmt"
	"strings"

	"example.com/gemini-webhook/internal/secret"
)

// version is an enabled version and what it holds, which is never shown. Read
// is false where reading is denied.
type version struct {
	number  int64
	read    bool
	payload secret.Value
}

// shows says whether the payload begins and ends with these texts.
func (v version) shows(start, end string) bool {
	text := strings.TrimSpace(string(v.payload.Reveal()))
	return strings.HasPrefix(text, start) && strings.HasSuffix(text, end)
}

// maxVersions are looked into, the newest: older ones are out of their overlap.
const maxVersions = 5

// enabled lists the newest enabled versions. It reports what is wrong, and
// returns whether to go on.
func (d *doctor) enabled(ctx context.Context, f *finding, name secret.Name, make string) ([]version, bool) {
	all, err := d.Secrets.Versions(ctx, name)
	if f.trouble(err, string(name), "secretmanager.versions.list (roles/secretmanager.viewer)", make) {
		return nil, false
	}
	var versions []version
	for _, v := range all {
		if !v.Enabled || len(versions) == maxVersions {
			continue
		}
		payload, err := d.Secrets.Access(ctx, name, v.Number)
		if err != nil && kindOf(err) == unknown {
			f.noAnswer(err, string(name))
			return nil, false
		}
		versions = append(versions, version{v.Number, err == nil, payload})
	}
	if len(versions) == 0 {
		f.fail(make, "%s has no enabled version", name)
	}
	return versions, len(versions) > 0
}

func (d *doctor) signingSecret(ctx context.Context, f *finding) {
	create := "webhookctl webhook create --secret=" + string(d.SigningSecret) + " --uri=" + d.below("/gemini") + ", or terraform apply"
	versions, ok := d.enabled(ctx, f, d.SigningSecret, create)
	if !ok {
		return
	}
	newest := versions[0]
	if _, err := secret.SigningKeys(newest.payload.Reveal()); newest.read && err != nil {
		f.fail("add a version that is one, or webhookctl webhook rotate --secret="+string(d.SigningSecret), "version %d is no signing secret: %v", newest.number, err)
	}
	f.ok("%s%s", newestOf(newest), d.SigningSecret)
}

func (d *doctor) tokenSecret(ctx context.Context, f *finding) {
	if d.TokenSecret == "" {
		f.ok("none expected")
		return
	}
	versions, ok := d.enabled(ctx, f, d.TokenSecret, "webhookctl token create --secret="+string(d.TokenSecret))
	if !ok {
		return
	}
	newest := versions[0]
	if _, err := secret.PathTokens(newest.payload.Reveal()); newest.read && err != nil {
		f.fail("webhookctl token rotate --secret="+string(d.TokenSecret), "version %d is no token: %v", newest.number, err)
	}
	f.ok("%s%s", newestOf(newest), d.TokenSecret)
}

func newestOf(v version) string {
	if !v.read {
		return fmt.Sprintf("version %d is enabled (not looked into: no secretmanager.versions.access) in ", v.number)
	}
	return fmt.Sprintf("version %d is usable in ", v.number)
}

// projectNumber is the project's number, from the name that Google gives the
// secret, or empty.
func (d *doctor) projectNumber(ctx context.Context) string {
	got, err := d.Secrets.Get(ctx, d.SigningSecret)
	if err != nil {
		return ""
	}
	return got.Name.ProjectNumber()
}
