package event

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strings"
)

// key is the event's identity (contract, "Identity"): 64 hex digits that are the same
// for the same event, by whichever webhook and however often it was delivered.
//
// It follows from the type, the resource id (see canonicalID) and the pointer. Where
// these cannot tell two events apart it counts more, because an event taken for
// another one would be lost while a repeated one only repeats:
//   - the event's timestamp, for requires_action and for types outside the
//     catalogue, which may report progress several times;
//   - the webhook-id, for an unrecognized body, without a resource id, and where
//     that timestamp is wanted but absent.
//
// A reconciled event is known by its job alone, and no delivery has the key of one:
// what others can make Gemini send must not look like it.
//
// It is no secret and proves nothing about who sent the event.
func (e *Event) key() string {
	if e.Mode == ModeReconciled {
		return hash("reconciled/1", e.Origin, e.ResourceID)
	}
	pointer := e.Pointer
	if pointer == "" && e.Video != nil {
		pointer = e.Video.URI
	}
	var timestamp, delivery string
	repeats := e.Type == TypeInteractionRequiresAction || !Known(e.Type)
	if repeats {
		timestamp = e.Time
	}
	if e.Type == "" || e.ResourceID == "" || repeats && timestamp == "" {
		delivery = e.ID
	}

	return hash("event/1", e.Type, e.canonicalID(), pointer, timestamp, delivery)
}

// hash gives 64 hex digits of texts. Each goes in with its length before it: "ab"+"c"
// is not "a"+"bc".
func hash(fields ...string) string {
	h := sha256.New()
	for _, field := range fields {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(field))))
		h.Write([]byte(field))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// canonicalID is a batch's in its one form. Ids of other things stay as they are.
func (e *Event) canonicalID() string {
	if !strings.HasPrefix(e.Type, "batch.") || e.ResourceID == "" {
		return e.ResourceID
	}
	return canonicalBatch(e.ResourceID)
}

// canonicalBatch makes one of a batch's X, the guide's "batch_X" and the API's
// "batches/X", whatever X begins with.
func canonicalBatch(id string) string {
	for {
		bare := strings.TrimPrefix(strings.TrimPrefix(id, "batches/"), "batch_")
		if bare == id {
			return "batches/" + id
		}
		id = bare
	}
}
