package outcome

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"
	"unicode/utf8"

	"example.com/gemini-webhook/internal/event"
	"example.com/gemini-webhook/internal/outcome/schematest"
)

// delivery is a genuine one, for all tests of the package.
func delivery() event.Delivery {
	return event.Delivery{
		ID:          "msg_1",
		ReceivedAt:  time.Date(2026, 11, 21, 12, 0, 0, 120000000, time.FixedZone("", 3600)),
		Mode:        "static",
		Scheme:      "hmac-sha256",
		Origin:      "signing_secret",
		Signer:      "projects/p/secrets/s/versions/1",
		Path:        "/gemini",
		Traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
	}
}

const batchBody = `{"type":"batch.succeeded","version":"v1","timestamp":"2026-01-22T12:00:00Z",` +
	`"data":{"id":"batch_1","output_file_uri":"gs://b/o.jsonl"},` +
	`"user_metadata":{"tenant":"acme","n":1.50,"big":12345678901234567890,"on":true,"none":null,"list":[1, 2],"":"empty key"}}`

// of returns the outcomes of a delivery with that body, published at noon.
func of(d event.Delivery, body string) *Event { return known(d, body, nil) }

func known(d event.Delivery, body string, batch *Batch) *Event {
	now := func() time.Time { return time.Date(2026, 11, 21, 12, 0, 0, 987654321, time.UTC) }
	return NewFactory("v1.2.3", now).ForBatch(event.New(d, []byte(body)), batch)
}

// usage is a Usage of these counts, by name.
func usage(named map[string]int64) (u Usage) {
	for i, name := range TokenCounts {
		n, has := named[name]
		u.Tokens[i], u.Has[i] = n, has
	}
	return u
}

// decode checks what holds for every message, whatever it is made of, and returns
// its data.
func decode(t *testing.T, m Message, limit int) map[string]any {
	t.Helper()
	if !utf8.Valid(m.Data) {
		t.Fatal("data is not UTF-8")
	}
	var data map[string]any
	if !json.Valid(m.Data) {
		t.Fatal("data is not one JSON value")
	}
	dec := json.NewDecoder(bytes.NewReader(m.Data))
	dec.UseNumber() // results may hold numbers that no float64 takes
	if err := dec.Decode(&data); err != nil {
		t.Fatalf("data is not a JSON object: %v", err)
	}
	size := len(m.Data)
	if len(m.Attributes) > 100 {
		t.Errorf("%d attributes", len(m.Attributes))
	}
	for k, v := range m.Attributes {
		size += len(k) + len(v)
		if k == "" || len(k) > 256 || len(v) > 1024 || !utf8.ValidString(k) || !utf8.ValidString(v) {
			t.Errorf("Pub/Sub refuses attribute %q = %q", k, v)
		}
	}
	if size > limit {
		t.Errorf("message takes %d bytes, limit %d", size, limit)
	}
	if data["outcome_id"] != m.ID || m.Attributes["outcome_id"] != m.ID {
		t.Errorf("ids differ: %q, data %v, attribute %q", m.ID, data["outcome_id"], m.Attributes["outcome_id"])
	}
	if data["type"] != m.Attributes["type"] {
		t.Errorf("types differ: data %v, attribute %q", data["type"], m.Attributes["type"])
	}
	return data
}

// checked is decode that also holds the message to its schemas.
func checked(t *testing.T, m Message, limit int) map[string]any {
	t.Helper()
	data := decode(t, m, limit)
	if err := schematest.Check(m.Data); err != nil {
		t.Error(err)
	} else if err := schematest.CheckRoot(m.Data); err != nil {
		t.Error(err)
	}
	if err := schematest.CheckAttributes(m.Attributes); err != nil {
		t.Error(err)
	}
	return data
}
