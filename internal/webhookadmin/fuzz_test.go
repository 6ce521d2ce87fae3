package webhookadmin

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/gemini-webhook/internal/secret"
)

const secretName = "projects/p/secrets/signing"

// What is read of a message of Pub/Sub.
func TestReadNotification(t *testing.T) {
	t.Parallel()
	published := time.Date(2026, 11, 22, 1, 2, 3, 0, time.UTC)
	for name, tc := range map[string]struct {
		data string
		at   time.Time
		want *Notification
	}{
		"a message": {`{"message":{"attributes":{"eventType":"SECRET_ROTATE"},"data":"e30=","publishTime":"2026-11-22T01:02:03Z"}}`, time.Time{},
			&Notification{Attributes: map[string]string{"eventType": "SECRET_ROTATE"}, Data: []byte("{}"), Published: published}},
		"dated by the event": {`{"message":{}}`, published, &Notification{Published: published}},
		"dated by nobody":    {`{"message":{}}`, time.Time{}, &Notification{}},
		"no message":         {`{}`, published, nil},
		"no JSON":            {`{`, published, nil},
		"no base64":          {`{"message":{"data":"?"}}`, published, nil},
	} {
		got, err := readNotification([]byte(tc.data), tc.at)
		if tc.want == nil {
			if err == nil {
				t.Errorf("%s: read as %+v", name, got)
			}
			continue
		}
		if diff := cmp.Diff(*tc.want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got)\n%s", name, err, diff)
		}
	}
}

// FuzzState: whatever people write into the annotations is read as some state,
// which is written and read again without a change.
func FuzzState(f *testing.F) {
	f.Add("webhooks/wh1", `{"run":"x","doing":"create","since":"2026-01-01T00:00:00Z","held":true,"name":"n","uri":"u"}`, "2026-01-01T00:00:00Z")
	f.Add(" ", "null", "yesterday")
	f.Add("", "{", "")
	f.Add(" webhooks/ 0 ", "0", "0")
	f.Fuzz(func(t *testing.T, id, mark, rotated string) {
		first := parse(secretName, secret.Metadata{Annotations: map[string]string{
			AnnotationID: id, AnnotationPending: mark, AnnotationRotated: rotated, "owner": "team",
		}})
		if first.pending == nil {
			t.Fatal("a mark is there, and is not seen")
		}
		written := first.render()
		second := parse(secretName, secret.Metadata{Annotations: written})
		a, _ := json.Marshal(first.pending)
		b, _ := json.Marshal(second.pending)
		sameTime := first.rotated.Equal(second.rotated)
		if first.id != second.id || !sameTime || string(a) != string(b) || written["owner"] != "team" {
			t.Errorf("%+v became %+v", first, second)
		}
	})
}

// FuzzNotification: whatever is published, one that does not name our secret
// exactly touches nothing.
func FuzzNotification(f *testing.F) {
	f.Add("SECRET_ROTATE", secretName, []byte(`{"name":"`+secretName+`"}`))
	f.Add("SECRET_ROTATE", "projects/42/secrets/signing", []byte(`{"name":7}`))
	f.Add("SECRET_ROTATE", "", []byte(`{"name":"projects//secrets/signing"}`))
	f.Add("SECRET_VERSION_ADD", secretName+"/versions/1", []byte(nil))
	f.Fuzz(func(t *testing.T, event, attribute string, data []byte) {
		n := Notification{Attributes: map[string]string{"eventType": event, "secretId": attribute}, Data: data}
		name := n.secret()
		var said struct{ Name *string }
		if json.Unmarshal(data, &said) == nil && said.Name != nil && *said.Name != "" {
			if name != *said.Name {
				t.Errorf("%q, want the name in the data", name)
			}
		} else if name != attribute {
			t.Errorf("%q, want the attribute", name)
		}
		// No secret is ours: nothing is asked of a service, for there is none.
		got, err := Rotation{Admin: New(nil, nil, time.Now), Secrets: []secret.Name{"none"}}.HandleNotification(t.Context(), n)
		if got.Action != ActionIgnored || err != nil {
			t.Errorf("got %+v, %v", got, err)
		}
	})
}
