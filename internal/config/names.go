package config

import (
	"fmt"
	"net"
	"regexp"
	"slices"
	"strings"
)

// A project's id, its number, or the older domain-scoped form. Lengths are left
// to Google Cloud; local emulators take shorter names.
const projectForm = `(?:[a-z0-9.-]+:)?[a-z0-9][a-z0-9-]{0,62}`

// Resource names as their services document them.
var (
	projectName = regexp.MustCompile(`^` + projectForm + `$`)
	topicID     = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9._~+%-]{2,254}$`)
	secretName  = regexp.MustCompile(`^projects/` + projectForm + `/secrets/[A-Za-z0-9_-]{1,255}$`)
	versionName = regexp.MustCompile(`^projects/` + projectForm + `/secrets/[A-Za-z0-9_-]{1,255}/versions/[1-9][0-9]{0,17}$`)
	bucketName  = regexp.MustCompile(`^[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?)*$`)
	emailForm   = regexp.MustCompile(`^[^\s@:,<>]+@[^\s@:,<>]+$`)
)

const (
	wantsSecret  = "must have the form projects/PROJECT/secrets/SECRET, without a version"
	wantsVersion = "must have the form projects/PROJECT/secrets/SECRET/versions/NUMBER, and NUMBER is no alias such as latest"
	wantsBucket  = "must be a bucket's name without gs://: 3 to 63 lower-case letters, digits, '-', '_' or '.'"
)

func (c *checker) project(variable, value string) string {
	if value != "" && !projectName.MatchString(value) {
		c.refuse(variable, "must be a project id: lower-case letters, digits and '-', without projects/")
	}
	return value
}

func (c *checker) topic(variable, value string) string {
	switch {
	case value == "":
	case strings.Contains(value, "/"):
		c.refuse(variable, "must be a topic id alone: write T for projects/P/topics/T; the project is GOOGLE_CLOUD_PROJECT's")
	case !topicID.MatchString(value) || strings.HasPrefix(strings.ToLower(value), "goog"):
		c.refuse(variable, "must be a topic id: 3 to 255 letters, digits or -._~+%, a letter first, not starting with goog")
	}
	return value
}

// outcomesTopic also keeps outcomes off the queue: whatever is in the queue is
// trusted as verified.
func (c *checker) outcomesTopic(variable, value, queue string) string {
	if value != "" && value == queue {
		c.refuse(variable, "must be another topic than QUEUE_TOPIC")
		return value
	}
	return c.topic(variable, value)
}

func (c *checker) bucket(variable, value string) string {
	if value != "" && !validBucket(value) {
		c.refuse(variable, wantsBucket)
	}
	return value
}

// validBucket follows Cloud Storage's naming rules: 63 characters, 222 with
// dots; no IP address; not starting with goog.
func validBucket(name string) bool {
	limit := 63
	if strings.Contains(name, ".") {
		limit = 222
	}
	return len(name) >= 3 && len(name) <= limit && bucketName.MatchString(name) &&
		net.ParseIP(name) == nil && !strings.HasPrefix(name, "goog")
}

func (c *checker) resultBuckets(variable, value string) []ResultBucket {
	var buckets []ResultBucket
	for i, entry := range list(value) {
		bucket, prefix, slash := strings.Cut(entry, "/")
		segments := strings.Split(strings.TrimSuffix(prefix, "/"), "/")
		wants := ""
		switch {
		case strings.HasPrefix(entry, "gs://") || !validBucket(bucket):
			wants = wantsBucket
		case slash && prefix == "":
			wants = "must be BUCKET without a slash, or BUCKET/PREFIX/"
		case slash && !strings.HasSuffix(prefix, "/"):
			wants = "must end with '/' where it has a prefix: BUCKET/PREFIX/"
		case slash && (slices.Contains(segments, "") || slices.Contains(segments, "..")):
			wants = "must have no empty segment and no .. in its prefix"
		}
		if wants != "" {
			c.refuse(variable, fmt.Sprintf("entry %d %s", i+1, wants))
			continue
		}
		buckets = append(buckets, ResultBucket{Bucket: bucket, Prefix: prefix})
	}
	return buckets
}

func (c *checker) secret(variable, value string) string {
	if value != "" && !secretName.MatchString(value) {
		c.refuse(variable, wantsSecret)
	}
	return value
}

// tokenSecret refuses a signing secret: a path token is in URLs and in their
// logs, and would then be a key that signs deliveries.
func (c *checker) tokenSecret(variable, value, signing string) string {
	if value != "" && slices.Contains(list(signing), value) {
		c.refuse(variable, "must be another secret than those of SIGNING_SECRETS")
	}
	return c.secret(variable, value)
}

func (c *checker) secrets(variable, value string) []string {
	entries := list(value)
	for i, entry := range entries {
		switch {
		case !secretName.MatchString(entry):
			c.refuse(variable, fmt.Sprintf("entry %d %s", i+1, wantsSecret))
		case slices.Contains(entries[:i], entry):
			c.refuse(variable, fmt.Sprintf("entry %d is there twice: name each secret once", i+1))
		}
	}
	return entries
}

func (c *checker) versions(variable, value string) []string {
	entries := list(value)
	for i, entry := range entries {
		if !versionName.MatchString(entry) {
			c.refuse(variable, fmt.Sprintf("entry %d %s", i+1, wantsVersion))
		}
	}
	return entries
}

// plain accepts visible text: a token's claim is compared with it byte by byte.
func (c *checker) plain(variable, value string) string {
	if strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		c.refuse(variable, "must not contain white space or control characters")
	}
	return value
}

func (c *checker) email(variable, value string) string {
	if value != "" && !emailForm.MatchString(value) {
		c.refuse(variable, "must be one e-mail address, NAME@PROJECT.iam.gserviceaccount.com, without serviceAccount:")
	}
	return value
}
