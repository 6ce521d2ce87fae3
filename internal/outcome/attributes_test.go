package outcome

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAttributes(t *testing.T) {
	t.Parallel()
	o := of(delivery(), batchBody)
	m := o.Result(Source{}, Line{Status: "failed", Key: "k\xff", HasKey: true, FinishReason: "SAFETY", Error: &Error{Code: "no_content"}})
	want := map[string]string{
		"type": "batch.result", "outcome_id": m.ID, "event_id": "msg_1", "event_type": "batch.succeeded",
		"resource_id": "batch_1", "mode": "static", "scheme": "hmac-sha256", "origin": "signing_secret",
		"signer": "projects/p/secrets/s/versions/1", "path": "/gemini",
		"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
		"meta_tenant": "acme", "meta_n": "1.50", "meta_big": "12345678901234567890", "meta_on": "true", "meta_": "empty key",
		"key": "k\uFFFD", "status": "failed", "finish_reason": "SAFETY", "error_code": "no_content",
	}
	if diff := cmp.Diff(want, m.Attributes); diff != "" {
		t.Errorf("batch.result (-want +got):\n%s", diff)
	}

	// The next outcome has its own map, with nothing of that line.
	for _, name := range []string{"key", "status", "finish_reason", "error_code"} {
		delete(want, name)
	}
	m = o.Completed(Source{URI: "gs://b/o.jsonl"}, Totals{})
	want["type"], want["outcome_id"] = "batch.completed", m.ID
	if diff := cmp.Diff(want, m.Attributes); diff != "" {
		t.Errorf("batch.completed (-want +got):\n%s", diff)
	}
	// A line that has none of these but its status.
	m = o.Result(Source{}, Line{Status: "failed", Error: &Error{Message: "m"}})
	want["type"], want["outcome_id"], want["status"] = "batch.result", m.ID, "failed"
	if diff := cmp.Diff(want, m.Attributes); diff != "" {
		t.Errorf("batch.result (-want +got):\n%s", diff)
	}
}

func TestAttributesWithoutSignerAndTrace(t *testing.T) {
	t.Parallel()
	d := delivery()
	d.Signer, d.Traceparent = "", ""
	m := of(d, `{"type":"batch.expired"}`).Simple()
	want := map[string]string{
		"type": "batch.expired", "outcome_id": m.ID, "event_id": "msg_1", "event_type": "batch.expired",
		"resource_id": "", "mode": "static", "scheme": "hmac-sha256", "origin": "signing_secret", "path": "/gemini",
	}
	if diff := cmp.Diff(want, m.Attributes); diff != "" {
		t.Errorf("attributes (-want +got):\n%s", diff)
	}
}

func TestAttributeLimits(t *testing.T) {
	t.Parallel()
	// metadata returns n members, of which k000 is the first by key.
	metadata := func(n int) string {
		var b strings.Builder
		for i := n - 1; i >= 0; i-- {
			fmt.Fprintf(&b, `"k%03d":%d,`, i, i)
		}
		return b.String() + `"null":null`
	}
	const fixed = 11 // with signer and traceparent
	tests := []struct {
		name      string
		metadata  string
		result    bool
		meta      int // meta_ attributes that remain
		truncated bool
	}{
		{"none", ``, false, 0, false},
		{"just fits", metadata(100 - fixed), false, 100 - fixed, false},
		{"one too many", metadata(101 - fixed), false, 99 - fixed, true},
		{"far too many", metadata(1000), false, 99 - fixed, true},
		{"just fits a result", metadata(96 - fixed), true, 96 - fixed, false},
		{"one too many for a result", metadata(97 - fixed), true, 95 - fixed, true},
		{"key just fits", `"` + strings.Repeat("k", 251) + `":1`, false, 1, false},
		{"key too long", `"a":1,"` + strings.Repeat("k", 252) + `":1`, false, 1, true},
		{"long key of no scalar", `"` + strings.Repeat("k", 252) + `":{}`, false, 0, false},
		{"a long key and just too many", `"` + strings.Repeat("a", 252) + `":1,` + metadata(100-fixed), false, 99 - fixed, true},
		{"a cut value alone", `"a":"` + strings.Repeat("v", 1025) + `"`, false, 1, false},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			o := of(delivery(), `{"type":"batch.succeeded","data":{"id":"b"},"user_metadata":{`+tc.metadata+`}}`)
			m, limit := o.Completed(Source{URI: ""}, Totals{}), MaxBytes
			if tc.result {
				m, limit = o.Result(Source{}, Line{
					Status: "failed", Key: "k", HasKey: true, FinishReason: "SAFETY", Error: &Error{Code: "c"},
				}), MaxResultBytes
			}
			checked(t, m, limit)
			meta := 0
			for k := range m.Attributes {
				if strings.HasPrefix(k, "meta_") {
					meta++
				}
			}
			if meta != tc.meta {
				t.Errorf("%d meta_ attributes, want %d", meta, tc.meta)
			}
			if got := m.Attributes["metadata_truncated"] == "true"; got != tc.truncated {
				t.Errorf("metadata_truncated = %t, want %t", got, tc.truncated)
			}
			if _, first := m.Attributes["meta_k000"]; strings.Contains(tc.metadata, "k000") && !first {
				t.Error("the first key was dropped; the last ones should be")
			}
		})
	}
}

func TestAttributeValue(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, in, want string }{
		{"empty", "", ""},
		{"just fits", strings.Repeat("x", 1024), strings.Repeat("x", 1024)},
		{"one byte too long", strings.Repeat("x", 1025), strings.Repeat("x", 1024)},
		{"cut inside a rune", strings.Repeat("x", 1023) + "é", strings.Repeat("x", 1023)},
		{"cut inside a rune of four bytes", strings.Repeat("x", 1021) + "😀", strings.Repeat("x", 1021)},
		{"rune at the border", strings.Repeat("x", 1022) + "éé", strings.Repeat("x", 1022) + "é"},
		{"invalid", "a\xffb\xc3", "a\uFFFDb\uFFFD"},
		{"invalid and long", strings.Repeat("\xff", 5000), strings.Repeat("\uFFFD", 341)},
	}
	for _, tc := range tests {
		if got := attributeValue(tc.in); got != tc.want {
			t.Errorf("%s: %d bytes, want %d", tc.name, len(got), len(tc.want))
		}
	}
}
