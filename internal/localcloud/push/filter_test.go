package push_test

import (
	"errors"
	"strings"
	"testing"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/google/go-cmp/cmp"

	"example.com/gemini-webhook/internal/localcloud/push"
)

// filterMessages are named by their "name" attribute.
var filterMessages = []map[string]string{
	{"name": "event", "kind": "event", "type": "batch.succeeded"},
	{"name": "range", "kind": "range"},
	{"name": "plain"},
	{"name": "empty", "kind": ""},
	{"name": "quoted", "a/b": "c", "kind": `say "hi"`},
}

var filters = map[string]string{ // filter -> names of the messages it matches
	``:                                       "event range plain empty quoted",
	`attributes:kind`:                        "event range empty quoted",
	`NOT attributes:kind`:                    "plain",
	`-attributes:kind`:                       "plain",
	`attributes.kind = "event"`:              "event",
	`attributes.kind="event"`:                "event",
	`attributes.kind = ""`:                   "empty",
	`attributes.kind != "event"`:             "range plain empty quoted",
	`hasPrefix(attributes.kind, "r")`:        "range",
	`hasPrefix(attributes.kind, "")`:         "event range empty quoted",
	`attributes:"a/b"`:                       "quoted",
	`attributes."a/b" = "c"`:                 "quoted",
	`attributes.kind = "say \"hi\""`:         "quoted",
	`attributes:kind AND attributes:type`:    "event",
	`attributes:type OR NOT attributes:kind`: "event plain",
	`attributes.kind = "event" OR attributes.kind = "range" OR attributes:"a/b"`:     "event range quoted",
	`(attributes:kind AND NOT attributes.kind = "range") AND NOT (attributes:"a/b")`: "event empty",
	`NOT (attributes:type OR attributes:"a/b") AND attributes:kind`:                  "range empty",
}

func TestFilters(t *testing.T) {
	t.Parallel()
	for text, want := range filters {
		match, err := push.ParseFilter(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		var got []string
		for _, attributes := range filterMessages {
			if match(attributes) {
				got = append(got, attributes["name"])
			}
		}
		if diff := cmp.Diff(want, strings.Join(got, " ")); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
	}
}

// TestFiltersAgreeWithGooglesFake compares with the filters of pstest, whose
// grammar lacks the minus and quoted keys after a dot.
func TestFiltersAgreeWithGooglesFake(t *testing.T) {
	t.Parallel()
	for text, want := range filters {
		if strings.HasPrefix(text, "-") || strings.Contains(text, `attributes."`) {
			continue
		}
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			r, _ := newFake(t)
			r.subscribe(t, "work", "filtered", text)
			var messages []*pubsubpb.PubsubMessage
			for _, attributes := range filterMessages {
				messages = append(messages, &pubsubpb.PubsubMessage{Data: []byte("x"), Attributes: attributes})
			}
			r.publish(t, "work", messages...)
			got := map[string]bool{}
			for _, m := range r.pull(t, "filtered", len(strings.Fields(want))) {
				got[m.GetAttributes()["name"]] = true
			}
			expected := map[string]bool{}
			for _, name := range strings.Fields(want) {
				expected[name] = true
			}
			if diff := cmp.Diff(expected, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestBadFilters(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`attributes`:                                "byte 10",
		`attributes.kind`:                           "byte 15",
		`attributes.kind = event`:                   "byte 18: want a text in double quotes",
		`attributes.kind = "event`:                  "byte 18: the quoted text does not end",
		`attributes.kind = "a" attributes:b`:        "byte 22: want AND, OR or the end",
		`attributes:a AND attributes:b OR a`:        "byte 30: AND and OR mix only with parentheses",
		`attributes:a and attributes:b`:             "byte 13",
		`(attributes:a`:                             "byte 13: want )",
		`data = "x"`:                                "byte 0",
		`hasPrefix(attributes:a, "x")`:              "byte 20: want .",
		`attributes:`:                               "byte 11: want an attribute's key",
		`NOT`:                                       "byte 3",
		`attributes:a;`:                             "byte 12",
		strings.Repeat("-", 257):                    "257 bytes",
		`attributes:"` + strings.Repeat("x", 300):   "at most 256",
		strings.Repeat("(", 100) + "attributes:a":   "want )",
		`attributes.a = "\z"`:                       "byte 15",
		`attributes.a = "x" AND`:                    "byte 22",
		`hasPrefix(attributes.a "x")`:               "byte 23: want ,",
		`attributes."" = "x"`:                       "byte 11: want an attribute's key",
		`attributes:a OR (attributes:b) AND "quot"`: "byte 31",
	} {
		match, err := push.ParseFilter(text)
		if match != nil || !errors.Is(err, push.ErrFilter) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want ErrFilter with %q", text, err, want)
		}
	}
}

func FuzzParseFilter(f *testing.F) {
	for text := range filters {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		match, err := push.ParseFilter(text)
		if err != nil {
			if !errors.Is(err, push.ErrFilter) {
				t.Errorf("%q: %v does not wrap ErrFilter", text, err)
			}
			return
		}
		negated, err := push.ParseFilter("NOT (" + text + ")")
		if err != nil {
			return // too long, or empty
		}
		for _, attributes := range filterMessages {
			if match(attributes) == negated(attributes) {
				t.Errorf("%q and its negation agree on %v", text, attributes)
			}
		}
	})
}
