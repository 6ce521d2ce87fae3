package handlers

import (
	"net/http"
	"time"

	"example.com/gemini-webhook/internal/event"
	"example.com/gemini-webhook/verify"
)

// noteRepeat is of a delivery that is accepted and not queued a second time.
const noteRepeat = "queued before"

// noteStale is of a delivery that is genuine and refused.
const noteStale = "genuine but stale: a replay, or a clock that is wrong"

// log writes the one line of a delivery, but for refusals and repeats beyond a
// limit.
func (rc *Receiver) log(r *http.Request, res result, took time.Duration) {
	ctx := r.Context()
	var code string
	if res.err != nil {
		code = codeOf(res.err)
	}
	if kind := code + res.note; kind != "" { // strangers can have this again and again
		if !rc.refusals.admitOrCount(ctx, rc.Log, "more deliveries were refused or repeated than logged; the numbers are of this instance in about a minute", kind, rc.Now()) {
			return
		}
	}
	attrs := []any{
		"verdict", res.verdict(),
		"event_id", res.headers.ID,
		"path", loggedPath(r),
		"mode", res.proof.Mode,
		"scheme", res.proof.Scheme,
		"signer", res.proof.Signer,
		"secret_version", secretVersion(res.proof, rc.Now()),
		"bytes", res.bytes,
		"duration_ms", took.Milliseconds(),
	}
	if created := res.proof.Version.Created; !created.IsZero() {
		attrs = append(attrs, "secret_age_hours", int64(rc.Now().Sub(created).Hours()))
	}
	if res.note != "" {
		attrs = append(attrs, "note", res.note)
	}
	if res.err == nil {
		rc.Log.InfoContext(ctx, "delivery accepted", attrs...)
		return
	}
	attrs = append(attrs, "code", code, "error", res.err.Error())
	if statusOf(res.err) == http.StatusServiceUnavailable {
		rc.Log.ErrorContext(ctx, "delivery not accepted now; Gemini delivers it again", attrs...)
		return
	}
	rc.Log.WarnContext(ctx, "delivery refused", attrs...)
}

// Verdicts on a delivery, of which metrics have a label.
const (
	accepted    = "accepted"
	repeated    = "repeated" // accepted, and not queued a second time
	refused     = "refused"
	stale       = "stale"       // refused, though genuine
	unavailable = "unavailable" // Gemini delivers it again
)

// verdict is what a delivery came to, in one word.
func (res result) verdict() string {
	switch {
	case res.note == noteRepeat:
		return repeated
	case res.err == nil:
		return accepted
	case statusOf(res.err) == http.StatusServiceUnavailable:
		return unavailable
	case res.note == noteStale:
		return stale
	default:
		return refused
	}
}

// endingSoon is how long before its end an older version is called "ending": a
// quarter of the day that Gemini lets an old secret live.
const endingSoon = 6 * time.Hour

// secretVersion says which version of a secret verified a delivery, in a word and
// not by its number: metrics are made of it. It is "" where none did.
func secretVersion(p verify.Proof, now time.Time) string {
	switch until := p.Version.Until; {
	case p.Version.Secret == "":
		return ""
	case until.IsZero():
		return "newest"
	case until.Sub(now) < endingSoon:
		return "ending"
	default:
		return "older"
	}
}

// maxLoggedPath is how much of a path is in a line: what lines cost is not for
// strangers to decide.
const maxLoggedPath = 1 << 10

// loggedPath is the path as it may be in a line. Redacting costs more than
// refusing: it is asked for when there is a line to write.
func loggedPath(r *http.Request) string {
	if len(r.RequestURI) > maxURIBytes {
		return ""
	}
	path := event.LoggedPath(r.URL.EscapedPath())
	if len(path) <= maxLoggedPath {
		return path
	}
	return path[:maxLoggedPath] + "…" // escaped, so one byte is one character
}
