package main

// ofKeys are the checks of secrets and key sets, and of what is never told.
var ofKeys = []mutation{
	{"placeholder-is-a-key", "internal/secret/payload.go", "if placeholder.Match(text) {", "if false {", "internal/secret TestSigningKeys"},
	{"short-key", "internal/secret/payload.go", "case len(decoded) < minKeyBytes:", "case false:", "internal/secret TestSigningKeys"},
	{"short-plain-key", "internal/secret/payload.go", "if len(payload) < minKeyBytes {", "if false {", "internal/secret TestSigningKeys"},
	{"overlap-never-ends", "internal/secret/version.go", "return newer[len(newer)-1].Created.Add(overlap)", "return Forever", "internal/secret/store TestSecretsOverTime"},
	{"disabled-version", "internal/secret/version.go", "case !v.Enabled:\n\t\treturn time.Time{}", "case false:\n\t\treturn time.Time{}", "internal/secret TestAcceptedUntil"},
	{"revoked-version", "internal/secret/store/lookup.go", " && !c.store.revoked[c.name.Version(v.Number)]", "", "internal/secret/store TestSecretsOverTime"},
	{"version-whose-time-is-over", "internal/secret/store/match.go", "if !now.Before(v.until) {", "if false && !now.Before(v.until) {", "internal/secret/store TestSecretsOverTime"},
	{"secrets-serve-for-ever", "internal/secret/store/cached.go", "c.set.err == nil && now.Sub(c.set.loaded) > c.store.config.StaleLimit", "false", "internal/secret/store TestSecretsOverTime"},
	{"look-up-for-each-forgery", "internal/secret/store/store.go", "now.Sub(st.lastRound) < interval {", "now.Sub(st.lastRound) < 0*interval {", "internal/secret/store TestSecretsLookups"},
	{"look-up-that-hangs", "internal/secret/store/cached.go", "lookup, cancel := context.WithTimeout(ctx, lookupTimeout)\n\tset, err", "lookup, cancel := context.WithCancel(ctx)\n\tset, err", "internal/secret/store TestHangingSource"},
	{"unreadable-secret-is-a-mismatch", "internal/secret/store/match.go", "if _, err := c.serving(); err != nil {\n\t\t\treturn nil, err", "if _, err := c.serving(); err != nil {\n\t\t\treturn nil, nil", "internal/secret/store TestSecretsOverTime"},

	{"fetch-for-each-kid", "internal/jwks/jwks.go", "now.Sub(s.lastFetch) >= fetchInterval", "now.Sub(s.lastFetch) >= 0", "internal/jwks TestSetFlood"},
	{"key-set-without-end", "internal/jwks/fetch.go", "io.LimitReader(response.Body, maxJWKSBytes+1)", "response.Body", "internal/jwks TestSetEndlessBody"},
	{"key-set-is-cut", "internal/jwks/fetch.go", "if len(document) > maxJWKSBytes {", "if false {", "internal/jwks TestSetBadAnswers"},
	{"key-set-of-another-host", "internal/jwks/fetch.go", "request.URL.Scheme != first.Scheme || request.URL.Host != first.Host", "first == nil", "internal/jwks TestSetBadAnswers"},
	{"key-set-that-hangs", "internal/jwks/jwks.go", "context.WithTimeout(ctx, fetchTimeout)", "context.WithTimeout(ctx, 5*fetchTimeout)", "internal/jwks TestSetHang"},
	{"key-set-serves-for-ever", "internal/jwks/jwks.go", " && now.Sub(s.loaded) <= s.config.StaleLimit", " && !now.IsZero()", "internal/jwks TestSetOverTime"},
	{"key-set-by-plain-http", "internal/config/check.go", "c.refuse(variable, err.Error())\n\t}\n\treturn value", "_ = err\n\t}\n\treturn value", "internal/config TestLoadRefuses"},

	{"secret-prints", "internal/secret/value.go", "func (Value) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, Redacted) }",
		"func (v Value) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, string(v.Reveal())) }", "internal/secret TestValueIsRedacted"},
	{"secret-in-json", "internal/secret/value.go", "func (Value) MarshalJSON() ([]byte, error) { return []byte(`\"` + Redacted + `\"`), nil }",
		"func (v Value) MarshalJSON() ([]byte, error) { return []byte(`\"` + string(v.Reveal()) + `\"`), nil }", "internal/secret TestValueIsRedacted"},
	{"token-in-published-paths", "internal/event/path.go", "return head + escapedPath[segments[1].end:]", "return escapedPath", "internal/event TestPublicPath"},
	{"encoded-token-in-published-paths", "internal/event/path.go", "if plain(escapedPath) {", `if !strings.Contains(escapedPath, "dynamic") {`, "internal/event TestPublicPath"},
	{"token-elsewhere-in-logged-paths", "internal/event/path.go", "return redactTokens(PublicPath(escapedPath))", "return strings.Clone(PublicPath(escapedPath))", "internal/event TestLoggedPath"},
	{"exclusion-drops-no-encoded-token", "terraform/logging.tf", "([A-Za-z0-9_-]|%(2[5Dd]|[3-7][0-9A-Fa-f])){32}", "[A-Za-z0-9_-]{32}", "internal/buildtest TestTheRequestLogLeavesOutTokensAlone"},
	{"exclusion-drops-everything", "terraform/logging.tf", "([A-Za-z0-9_-]|%(2[5Dd]|[3-7][0-9A-Fa-f])){32}", "([A-Za-z0-9_-]|%(2[5Dd]|[3-7][0-9A-Fa-f]))*", "internal/buildtest TestTheRequestLogLeavesOutTokensAlone"},
	{"log-entry-of-any-size", "internal/gcp/logging/bound.go", "if len(line) > maxLine {", "if false {", "internal/gcp/logging TestEntriesAreBounded"},
	{"log-value-of-any-size", "internal/gcp/logging/bound.go", "if len(v.String()) > maxText {", "if false {", "internal/gcp/logging TestEntriesAreBounded"},
	{"log-attribute-takes-a-field", "internal/gcp/logging/logging.go", "if slices.Contains(reserved, a.Key) {", "if false {", "internal/gcp/logging FuzzLine"},
}
