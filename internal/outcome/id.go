package outcome

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
)

// id is the outcome_id: 43 characters of base64url. It follows from the outcome
// type, the event and, for what belongs to a place in an object, that place; so
// ranges of any size give the same ids (contract, "Identity"). A copy's place is that
// in what it was made of, for it may be made again.
func (o *Event) id(kind string, place Source) string {
	if place.Origin != "" {
		place.URI, place.Generation = place.Origin, ""
	}
	b := make([]byte, 0, 512)
	// Each field with its length before it: "ab"+"c" is not "a"+"bc".
	for _, field := range [...]string{"outcome/1", kind, o.event.Key, place.URI, place.Generation} {
		b = binary.BigEndian.AppendUint64(b, uint64(len(field)))
		b = append(b, field...)
	}
	b = binary.BigEndian.AppendUint64(b, uint64(place.Offset))
	sum := sha256.Sum256(b)
	var text [43]byte
	base64.RawURLEncoding.Encode(text[:], sum[:])
	return string(text[:])
}
