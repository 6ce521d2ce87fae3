package event

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestQueueRoundTrip(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		delivery Delivery
		body     string
	}{
		{"an event", delivery(), `{"type":"batch.failed","data":{"id":"b"}}`},
		{"lines in the body", delivery(), "{\n\"v\":1}\n\n"},
		{"not UTF-8", delivery(), "\xff\x00\n\xfe"},
		{"empty body", delivery(), ""},
		{"nothing known", Delivery{ReceivedAt: time.Unix(0, 0).UTC()}, "x"},
		{"characters that need escapes", Delivery{ID: "<&>\"\\\u2028", Path: "/a%20b\n", ReceivedAt: delivery().ReceivedAt}, "x"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got, err := Decode(Encode(tc.delivery, []byte(tc.body)))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(New(tc.delivery, []byte(tc.body)), got); diff != "" {
				t.Errorf("round trip (-want +got):\n%s", diff)
			}
		})
	}
}

func TestEncodeFitsPubSub(t *testing.T) {
	t.Parallel()
	d := delivery()
	d.Path = "/" + strings.Repeat("\x01", 1<<20) // six bytes each, escaped
	d.Traceparent = strings.Repeat("é", 1<<20)
	data := Encode(d, make([]byte, 8<<20))
	if len(data) >= 10_000_000 {
		t.Errorf("queued form takes %d bytes; Pub/Sub refuses 10,000,000", len(data))
	}
	e, err := Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(d.Path, e.Path) || !strings.HasPrefix(d.Traceparent, e.Traceparent) || !utf8.ValidString(e.Traceparent) {
		t.Error("long texts must be cut at a rune border")
	}
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	for name, data := range map[string]string{
		"nothing":           "",
		"no line":           `{"v":1,"id":"m","received_at":"2026-11-21T12:00:00Z"}`,
		"no JSON":           "v=1\n{}",
		"no object":         "[1]\n{}",
		"no format":         "{\"received_at\":\"2026-11-21T12:00:00Z\"}\n{}",
		"a later format":    "{\"v\":2,\"received_at\":\"2026-11-21T12:00:00Z\"}\n{}",
		"no time":           "{\"v\":1,\"id\":\"SECRET\"}\n{}",
		"two values":        "{\"v\":1}{\"v\":1}\n{}",
		"a body by itself":  "{\"type\":\"batch.failed\"}\n",
		"wrong member type": "{\"v\":1,\"id\":5,\"received_at\":\"2026-11-21T12:00:00Z\"}\nSECRET",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Decode([]byte(data))
			if !errors.Is(err, ErrNotQueued) {
				t.Fatalf("error = %v, want ErrNotQueued", err)
			}
			if strings.Contains(err.Error(), "SECRET") {
				t.Errorf("the error tells of the data: %v", err)
			}
		})
	}
}

// FuzzDecode takes the input once as the queued form itself, and once as a body
// and a path to queue.
func FuzzDecode(f *testing.F) {
	f.Add(Encode(delivery(), []byte(`{"type":"batch.failed"}`)), "/a")
	f.Add([]byte("{\"v\":1,\"received_at\":\"2026-11-21T12:00:00.5+01:00\"}\n\xff"), "\xff\n")
	f.Add([]byte("\n"), "")
	f.Fuzz(func(t *testing.T, data []byte, path string) {
		if e, err := Decode(data); err == nil {
			again, err := Decode(Encode(e.Delivery, e.Body))
			if err != nil {
				t.Fatalf("what was decoded cannot be queued again: %v", err)
			}
			if diff := cmp.Diff(e, again); diff != "" && len(data) < maxHeaderField {
				t.Errorf("changed (-want +got):\n%s", diff)
			}
		} else if !errors.Is(err, ErrNotQueued) {
			t.Errorf("error = %v", err)
		}

		d := delivery()
		d.Path = path
		e, err := Decode(Encode(d, data))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(e.Body, data) {
			t.Error("the body changed in the queue")
		}
		if utf8.ValidString(path) && len(path) < maxHeaderField && e.Path != path {
			t.Errorf("path %q became %q", path, e.Path)
		}
		if !e.ReceivedAt.Equal(d.ReceivedAt) || e.ID != d.ID {
			t.Error("the delivery changed in the queue")
		}
	})
}
