package doctor

import (
	"context"
	"fmt"
	"strings"

	"example.com/gemini-webhook/internal/gcp/secretmanager"
	"example.com/gemini-webhook/verify"
)

// version is an enabled version and what it holds, which is never shown. Read
// is false where reading is denied.
type version struct {
	number  int64
	read    bool
	payload string
}

// maxVersions are looked into, the newest: older ones are out of their overlap.
const maxVersions = 5

// enabled lists the newest enabled versions. It reports what is wrong, and
// returns whether to go on.
func (d *doctor) enabled(ctx context.Context, f *finding, secret, make string) ([]version, bool) {
	all, err := d.Secrets.Versions(ctx, secret)
	if f.trouble(err, secret, "secretmanager.versions.list (roles/secretmanager.viewer)", make) {
		return nil, false
	}
	var versions []version
	for _, v := range all {
		if !v.Enabled || len(versions) == maxVersions {
			continue
		}
		payload, err := d.Secrets.Access(ctx, secret, v.Number)
		if err != nil && kindOf(err) == unknown {
			f.noAnswer(err, secret)
			return nil, false
		}
		versions = append(versions, version{v.Number, err == nil, strings.TrimSpace(string(payload))})
	}
	if len(versions) == 0 {
		f.fail(make, "%s has no enabled version", secret)
	}
	return versions, len(versions) > 0
}

func (d *doctor) signingSecret(ctx context.Context, f *finding) {
	create := "webhookctl webhook create --secret=" + d.SigningSecret + " --uri=" + d.below("/gemini") + ", or terraform apply"
	versions, ok := d.enabled(ctx, f, d.SigningSecret, create)
	if !ok {
		return
	}
	newest := versions[0]
	if newest.read && verify.CheckSigningSecret([]byte(newest.payload)) != nil {
		f.fail(create, "version %d is no signing secret (a placeholder, or too short)", newest.number)
	}
	f.ok("%s%s", newestOf(newest), d.SigningSecret)
}

func (d *doctor) tokenSecret(ctx context.Context, f *finding) {
	if d.TokenSecret == "" {
		f.ok("none expected")
		return
	}
	versions, ok := d.enabled(ctx, f, d.TokenSecret, "webhookctl token create --secret="+d.TokenSecret)
	if !ok {
		return
	}
	newest := versions[0]
	if newest.read && verify.CheckToken([]byte(newest.payload)) != nil {
		f.fail("webhookctl token rotate --secret="+d.TokenSecret, "version %d is no token (32 to 128 letters, digits, _ and -)", newest.number)
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
	if err != nil || !secretmanager.IsName(got.Name) {
		return ""
	}
	number := strings.Split(got.Name, "/")[1]
	if strings.Trim(number, "0123456789") != "" {
		return ""
	}
	return number
}
