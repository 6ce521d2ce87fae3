package config

import (
	"slices"

	"example.com/gemini-webhook/internal/object"
	"example.com/gemini-webhook/internal/secret"
)

// Warnings says what is allowed but seldom meant, one sentence each, for the
// log at start. It is empty for a configuration without surprises.
func (c *Config) Warnings() []string {
	var warnings []string
	if c.Doors.Public() {
		warnings = append(warnings, c.publicWarnings()...)
	}
	if c.Doors.Tasks() && len(c.ResultBuckets) == 0 {
		warnings = append(warnings, "RESULT_BUCKETS is empty: every batch whose results are in Cloud Storage is reported as batch.unreadable (bucket_not_allowed); list the buckets that your jobs write to")
	}
	if c.Doors.Tasks() && slices.ContainsFunc(c.ResultBuckets, func(l object.Location) bool { return l.Bucket == c.StateBucket || l.Bucket == c.ArchiveBucket }) {
		warnings = append(warnings, "RESULT_BUCKETS names STATE_BUCKET or ARCHIVE_BUCKET: no pointer to there is followed; give state and archive buckets of their own")
	}
	return warnings
}

func (c *Config) publicWarnings() []string {
	var warnings []string
	if len(c.SigningSecrets) == 0 && c.DynamicTokenSecret == "" && !c.DynamicOpen {
		warnings = append(warnings, "SIGNING_SECRETS and DYNAMIC_TOKEN_SECRET are empty: every delivery is refused with 401 mode_disabled; set one of them")
	}
	if c.DynamicOpen {
		warnings = append(warnings, "DYNAMIC_OPEN is true: dynamic deliveries are accepted on any path, and any holder of a Gemini API key can have Google sign one; use DYNAMIC_TOKEN_SECRET instead")
	}
	if slices.ContainsFunc(c.RevokedVersions, c.ofUnknownSecret) {
		warnings = append(warnings, "REVOKED_VERSIONS names a version of a secret that is neither in SIGNING_SECRETS nor DYNAMIC_TOKEN_SECRET: it revokes nothing; write the project and the secret as they are written there")
	}
	return warnings
}

// ofUnknownSecret reports whether a version belongs to no configured secret, as
// after a typing error or with the project's number in place of its id.
func (c *Config) ofUnknownSecret(version secret.VersionName) bool {
	return version.Secret != c.DynamicTokenSecret && !slices.Contains(c.SigningSecrets, version.Secret)
}
