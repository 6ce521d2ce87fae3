package verify

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"example.com/gemini-webhook/internal/secret"
)

// isTrue says whether a member is the JSON true; the text "true" is not.
func (o object) isTrue(name string) bool {
	value, _ := o.get(name)
	return string(value) == "true"
}

// audiences returns aud, which may be one string or a list.
func (o object) audiences() []string {
	if one := o.text("aud"); one != "" {
		return []string{one}
	}
	value, ok := o.get("aud")
	var list []string
	if !ok || json.Unmarshal(value, &list) != nil {
		return nil
	}
	return list
}

// errNotTime: a claim is no usable date.
var errNotTime = errors.New("it is not a number of seconds")

// seconds returns a NumericDate (RFC 7519 section 2), which may have a
// fraction, and whether it is there.
func (o object) seconds(name string) (t time.Time, present bool, err error) {
	value, present := o.get(name)
	if !present {
		return time.Time{}, false, nil
	}
	f, err := strconv.ParseFloat(string(value), 64) // takes every JSON number
	if first := value[0]; err != nil || first < '0' || first > '9' || f > 1e12 {
		return time.Time{}, true, errNotTime
	}
	return time.UnixMicro(int64(f * 1e6)), true, nil
}

// checkLifetime checks exp, which is required, and nbf where present, with
// leeway for clocks that disagree. RFC 7519 has a token expire at exp, not
// after it.
func (o object) checkLifetime(now time.Time, leeway time.Duration) error {
	exp, present, err := o.seconds("exp")
	switch {
	case err != nil || !present:
		return fmt.Errorf("%w: exp is missing or not a number of seconds", ErrBadToken)
	case !now.Before(exp.Add(leeway)):
		return ErrTokenExpired
	}
	return o.checkFrom("nbf", now, leeway)
}

// checkFrom checks that the date of a claim, where present, is not in the future.
func (o object) checkFrom(name string, now time.Time, leeway time.Duration) error {
	from, present, err := o.seconds(name)
	switch {
	case err != nil:
		return fmt.Errorf("%w: %s: %w", ErrBadToken, name, err)
	case present && from.After(now.Add(leeway)):
		return fmt.Errorf("%w: %s", ErrTokenNotYetValid, name)
	}
	return nil
}

// checkIssued checks that iat, where present, is at most tolerance away.
func (o object) checkIssued(now time.Time, tolerance time.Duration) error {
	iat, present, err := o.seconds("iat")
	switch {
	case err != nil:
		return fmt.Errorf("%w: iat: %w", ErrBadToken, err)
	case present && now.Sub(iat).Abs() > tolerance:
		return fmt.Errorf("%w of %s: iat", ErrTimestampOutOfRange, tolerance)
	}
	return nil
}

// What is said of a token must not say a path token: an audience may well be
// the URL that the job was given.
var dynamicSegment = regexp.MustCompile(`(?i)dynamic[/\\]`)

const maxShownBytes = 200 // of a claim in a log line

// shown returns a claim of a token whose signature was good, for an operator
// to read and configure: quoted, cut, without the path token.
func (o object) shown(name, pathToken string) string {
	value, present := o.get(name)
	text := o.text(name)
	var list []string
	switch {
	case !present:
		return "none"
	case json.Unmarshal(value, &list) == nil:
		text = strings.Join(list, " ")
	case value[0] != '"':
		return "of another type"
	}
	text = unescaped(text)
	if at := dynamicSegment.FindStringIndex(text); at != nil {
		text = text[:at[1]] + secret.Redacted
	}
	if pathToken != "" && strings.Contains(text, pathToken) {
		text = secret.Redacted
	}
	return strconv.QuoteToASCII(text[:min(len(text), maxShownBytes)])
}

// unescaped decodes percent-encodings until none is left. What is encoded more
// often than anybody would has something to hide.
func unescaped(s string) string {
	for range 8 {
		next, err := url.PathUnescape(s)
		if err != nil || next == s {
			return s
		}
		s = next
	}
	return secret.Redacted
}
