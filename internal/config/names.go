package config

import (
	"fmt"
	"net"
	"regexp"
	"slices"
	"strings"

	"example.com/gemini-webhook/internal/object"
	"example.com/gemini-webhook/internal/secret"
)

// Resource names as their services document them. Lengths are checked beside:
// counted repetitions would take milliseconds of each start to compile.
var (
	topicForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9._~+%-]*$`)
	labelForm = regexp.MustCompile(`^[a-z0-9](?:[a-z0-9_-]*[a-z0-9])?$`) // of a bucket's name, between dots
	emailForm = regexp.MustCompile(`^[^\s@:,<>]+@[^\s@:,<>]+$`)
	placeForm = regexp.MustCompile(`^[a-z]+(?:-[a-z]+[0-9]+)?$`) // a location of Google Cloud
)

func validTopic(id string) bool {
	return len(id) >= 3 && len(id) <= 255 && topicForm.MatchString(id) && !strings.HasPrefix(strings.ToLower(id), "goog")
}

const wantsBucket = "must be a bucket's name without gs://: 3 to 63 lower-case letters, digits, '-', '_' or '.'"

func (c *checker) project(variable, value string) string {
	if value != "" && !secret.ValidProject(value) {
		c.refuse(variable, "must be a project id: lower-case letters, digits and '-', without projects/")
	}
	return value
}

func (c *checker) topic(variable, value string) string {
	switch {
	case value == "":
	case strings.Contains(value, "/"):
		c.refuse(variable, "must be a topic id alone: write T for projects/P/topics/T; the project is GOOGLE_CLOUD_PROJECT's")
	case !validTopic(value):
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
	for label := range strings.SplitSeq(name, ".") {
		if len(label) > 63 || !labelForm.MatchString(label) {
			return false
		}
	}
	return len(name) >= 3 && len(name) <= limit && net.ParseIP(name) == nil && !strings.HasPrefix(name, "goog")
}

func (c *checker) resultBuckets(variable, value string) []object.Location {
	var buckets []object.Location
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
		buckets = append(buckets, object.Location{Bucket: bucket, Prefix: prefix})
	}
	return buckets
}

func (c *checker) secret(variable, value string) secret.Name {
	var name secret.Name // none is no error
	if err := name.UnmarshalText([]byte(value)); err != nil {
		c.refuse(variable, err.Error())
	}
	return name
}

// tokenSecret refuses a signing secret: a path token is in URLs and in their
// logs, and would then be a key that signs deliveries.
func (c *checker) tokenSecret(variable, value, signing string) secret.Name {
	if value != "" && slices.Contains(list(signing), value) {
		c.refuse(variable, "must be another secret than those of SIGNING_SECRETS")
	}
	return c.secret(variable, value)
}

func (c *checker) secrets(variable, value string) []secret.Name {
	var names []secret.Name
	for i, entry := range list(value) {
		name, err := secret.ParseName(entry)
		switch {
		case err != nil:
			c.refuse(variable, fmt.Sprintf("entry %d %v", i+1, err))
		case slices.Contains(names, name):
			c.refuse(variable, fmt.Sprintf("entry %d is there twice: name each secret once", i+1))
		}
		names = append(names, name)
	}
	return names
}

func (c *checker) versions(variable, value string) []secret.VersionName {
	var names []secret.VersionName
	for i, entry := range list(value) {
		name, err := secret.ParseVersionName(entry)
		if err != nil {
			c.refuse(variable, fmt.Sprintf("entry %d %v", i+1, err))
		}
		names = append(names, name)
	}
	return names
}

// locations become parts of host names, so they are read strictly: "global", the multi-
// regions "us" and "eu", or a region.
func (c *checker) locations(variable, value string) []string {
	locations := list(value)
	for i, entry := range locations {
		switch {
		case len(entry) > 40 || !placeForm.MatchString(entry):
			c.refuse(variable, fmt.Sprintf("entry %d must be a location of Vertex AI: a region such as europe-west4, or global", i+1))
		case slices.Contains(locations[:i], entry):
			c.refuse(variable, fmt.Sprintf("entry %d is there twice: name each location once", i+1))
		}
	}
	return locations
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
