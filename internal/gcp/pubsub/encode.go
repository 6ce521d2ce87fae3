package pubsub

import (
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/protobuf/encoding/protowire"
)

// Numbers of fields, in the definition of google.pubsub.v1.PubsubMessage and in
// that of any map.
const (
	attributesField = 2
	keyField        = 1
	valueField      = 2
)

// encode makes a message whose attributes are encoded already. The library walks
// through maps by reflection, once for their size and once to encode them, which
// took a quarter of the CPU time of publishing; bytes of fields that it does not
// know it copies. On the wire there is no difference.
func encode(data []byte, attributes map[string]string) *pubsubpb.PubsubMessage {
	size := 0
	for k, v := range attributes {
		size += 1 + protowire.SizeBytes(entrySize(k, v))
	}
	b := make([]byte, 0, size)
	for k, v := range attributes {
		b = protowire.AppendTag(b, attributesField, protowire.BytesType)
		b = protowire.AppendVarint(b, uint64(entrySize(k, v)))
		b = protowire.AppendTag(b, keyField, protowire.BytesType)
		b = protowire.AppendString(b, k)
		b = protowire.AppendTag(b, valueField, protowire.BytesType)
		b = protowire.AppendString(b, v)
	}
	m := &pubsubpb.PubsubMessage{Data: data}
	m.ProtoReflect().SetUnknown(b)
	return m
}

func entrySize(k, v string) int {
	return 1 + protowire.SizeBytes(len(k)) + 1 + protowire.SizeBytes(len(v))
}

// size is what an encoded message takes in a request, in bytes.
func size(m *pubsubpb.PubsubMessage) int {
	n := 1 + protowire.SizeBytes(len(m.GetData())) + len(m.ProtoReflect().GetUnknown())
	return 1 + protowire.SizeBytes(n)
}
