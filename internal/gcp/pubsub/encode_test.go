package pubsub

import (
	"testing"
	"unicode/utf8"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/protobuf/proto"
)

// FuzzEncode: what is encoded by hand is what the library encodes, in as many
// bytes as size says.
func FuzzEncode(f *testing.F) {
	f.Add([]byte("data"), "type", "batch.result", "", "")
	f.Add([]byte{}, "", "", "k", "")
	f.Add(make([]byte, 200), "key", string(make([]byte, 200)), "übergröße", "🙂")
	f.Fuzz(func(t *testing.T, data []byte, k1, v1, k2, v2 string) {
		for _, s := range []string{k1, v1, k2, v2} {
			if !utf8.ValidString(s) {
				t.Skip("attributes are UTF-8 already")
			}
		}
		attributes := map[string]string{k1: v1, k2: v2}
		m := encode(data, attributes)
		request, err := proto.Marshal(&pubsubpb.PublishRequest{Messages: []*pubsubpb.PubsubMessage{m}})
		must(t, err)
		if len(data) > 0 && size(m) != len(request) { // without data there is no field for it
			t.Errorf("size says %d bytes, %d are sent", size(m), len(request))
		}
		var got pubsubpb.PublishRequest
		must(t, proto.Unmarshal(request, &got))
		want := &pubsubpb.PublishRequest{Messages: []*pubsubpb.PubsubMessage{{Data: data, Attributes: attributes}}}
		if !proto.Equal(want, &got) {
			t.Errorf("got %v, want %v", &got, want)
		}
	})
}

// TestEncodeAllocations: a batch has millions of lines. Of one there are the
// message and its attributes on the wire, however many they are.
func TestEncodeAllocations(t *testing.T) {
	attributes := make(map[string]string)
	for _, key := range []string{"type", "outcome_id", "event_id", "event_type", "resource_id", "mode", "scheme", "origin", "path", "key", "status"} {
		attributes[key] = "value of " + key
	}
	data := make([]byte, 2000)
	const limit = 2
	if got := testing.AllocsPerRun(100, func() { encode(data, attributes) }); got > limit {
		t.Errorf("%v allocations for a message, at most %d are wanted", got, limit)
	}
}
