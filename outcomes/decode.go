package outcomes

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

// Why a message is not an outcome that this package reads. The errors that wrap these
// name members, and hold nothing of their values.
var (
	// ErrMalformed: it is none of the receiver's, and will not become one by being
	// delivered again. Log it and acknowledge it.
	ErrMalformed = errors.New("outcomes: not an outcome of the receiver")
	// ErrVersion: its schema_version is higher than SchemaVersion. Do not acknowledge it,
	// so that it waits, or goes to the dead letters; use the package of the receiver's
	// release, and read docs/contract.md for what changed.
	ErrVersion = errors.New("outcomes: made by a newer receiver, whose release of this package reads it")
)

// maxBytes of a message are Pub/Sub's own limit, 10 MB; the receiver's is 9 MiB.
const maxBytes = 10_000_000

// types are those of outcomes, by the text in `type`.
var types = map[string]reflect.Type{
	"batch.result":                reflect.TypeFor[BatchResult](),
	"batch.completed":             reflect.TypeFor[BatchCompleted](),
	"batch.incomplete":            reflect.TypeFor[BatchIncomplete](),
	"batch.unreadable":            reflect.TypeFor[BatchUnreadable](),
	"batch.failed":                reflect.TypeFor[BatchFailed](),
	"batch.expired":               reflect.TypeFor[BatchExpired](),
	"batch.cancelled":             reflect.TypeFor[BatchCancelled](),
	"video.generated":             reflect.TypeFor[VideoGenerated](),
	"interaction.completed":       reflect.TypeFor[InteractionCompleted](),
	"interaction.requires_action": reflect.TypeFor[InteractionRequiresAction](),
	"interaction.failed":          reflect.TypeFor[InteractionFailed](),
	"interaction.cancelled":       reflect.TypeFor[InteractionCancelled](),
	"unrecognized":                reflect.TypeFor[Unrecognized](),
}

var goodID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// Decode reads the data of a message: one JSON object in UTF-8, of at most 10 MB. The
// outcome is a pointer to the type that `type` names, *Other where it names none of this
// package; OutcomeID has the form that the contract gives it, so that it may be part of
// a file's name.
//
// Members that this package does not know are passed over, and so are values that it
// does not know of texts such as Mode. A member that is missing, null or of another type
// makes the message ErrMalformed, a higher schema_version ErrVersion. Decode does not
// check the other rules of the JSON Schemas.
func Decode(data []byte) (Outcome, error) {
	if len(data) > maxBytes {
		return nil, fmt.Errorf("%w: %d bytes, over %d", ErrMalformed, len(data), maxBytes)
	}
	if !utf8.Valid(data) {
		return nil, fmt.Errorf("%w: not UTF-8", ErrMalformed)
	}
	members, err := object(data, "")
	if err != nil {
		return nil, err
	}
	kind, err := head(members)
	if err != nil {
		return nil, err
	}
	t, known := types[kind]
	if !known {
		t = reflect.TypeFor[Other]()
	}
	o := reflect.New(t).Interface().(Outcome)
	if err := decode(data, members, o); err != nil {
		return nil, err
	}
	return o, nil
}

// head gives an outcome's type, if it is one that this package may read.
func head(members map[string]json.RawMessage) (kind string, err error) {
	var version int
	var id string
	if json.Unmarshal(members["schema_version"], &version) != nil || version < SchemaVersion {
		return "", fmt.Errorf("%w: no schema_version of %d", ErrMalformed, SchemaVersion)
	}
	if version > SchemaVersion {
		return "", fmt.Errorf("%w: schema_version %d, over %d", ErrVersion, version, SchemaVersion)
	}
	if json.Unmarshal(members["outcome_id"], &id) != nil || !goodID.MatchString(id) {
		return "", fmt.Errorf("%w: no outcome_id of its form", ErrMalformed)
	}
	if json.Unmarshal(members["type"], &kind) != nil || kind == "" {
		return "", fmt.Errorf("%w: no type", ErrMalformed)
	}
	return kind, nil
}

// decode is json.Unmarshal into a pointer to a struct, that wants what the struct says.
func decode(data []byte, members map[string]json.RawMessage, into any) error {
	if err := whole(members, reflect.TypeOf(into).Elem(), ""); err != nil {
		return err
	}
	if err := json.Unmarshal(data, into); err != nil {
		return malformed(err)
	}
	return nil
}

// malformed names the member that an error of encoding/json is about, and not its value.
func malformed(err error) error {
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Errorf("%w: %s is of another type", ErrMalformed, wrong.Field)
	}
	return fmt.Errorf("%w: not JSON, or a member of another form", ErrMalformed)
}

// object gives the members of a JSON object. path is "", or ends with a dot.
func object(data []byte, path string) (members map[string]json.RawMessage, err error) {
	if err := json.Unmarshal(data, &members); err != nil || members == nil {
		return nil, fmt.Errorf("%w: %s is no JSON object", ErrMalformed, cmp.Or(strings.TrimSuffix(path, "."), "the data"))
	}
	return members, nil
}

// field is a member of a struct type, as its tag has it.
type field struct {
	name     string
	of       reflect.Type
	required bool // it has no omitempty nor omitzero
}

// fields gives the members of a struct type, those of what it embeds among them.
func fields(t reflect.Type) []field {
	if known, found := fieldsOf.Load(t); found {
		return known.([]field)
	}
	var all []field
	for _, f := range reflect.VisibleFields(t) {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !f.Anonymous && name != "-" {
			all = append(all, field{name, f.Type, options == ""})
		}
	}
	fieldsOf.Store(t, all)
	return all
}

var fieldsOf sync.Map // []field by reflect.Type

// whole checks that an object has the members that a struct type cannot be without; that
// none of its members is null, which encoding/json takes for missing; and that no other name
// would be taken for one of them, as "Type" is.
func whole(members map[string]json.RawMessage, t reflect.Type, path string) error {
	own := fields(t)
	found := 0
	for _, f := range own {
		value, there := members[f.name]
		if there {
			found++
		}
		switch {
		case !there && f.required:
			return fmt.Errorf("%w: %s%s is missing", ErrMalformed, path, f.name)
		case !there || f.of == rawType: // of any type, also null
			continue
		case bytes.Equal(value, []byte("null")):
			return fmt.Errorf("%w: %s%s is null", ErrMalformed, path, f.name)
		}
		if err := wholeValue(value, f.of, path+f.name+"."); err != nil {
			return err
		}
	}
	if found == len(members) { // nearly always
		return nil
	}
	for member := range members {
		alike := func(f field) bool { return f.name != member && strings.EqualFold(f.name, member) }
		if slices.ContainsFunc(own, alike) {
			return fmt.Errorf("%w: a name in %s differs from one of its own in case alone", ErrMalformed, cmp.Or(strings.TrimSuffix(path, "."), "the data"))
		}
	}
	return nil
}

var (
	rawType         = reflect.TypeFor[json.RawMessage]()
	unmarshalerType = reflect.TypeFor[json.Unmarshaler]()
)

// wholeValue checks what stands in a member: an object of ours, or several.
func wholeValue(value []byte, t reflect.Type, path string) error {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t.Kind() == reflect.Struct && !reflect.PointerTo(t).Implements(unmarshalerType): // a time is a text
		return wholeObject(value, t, path)
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct:
		var items []json.RawMessage
		if err := json.Unmarshal(value, &items); err != nil {
			return fmt.Errorf("%w: %s is no list", ErrMalformed, strings.TrimSuffix(path, "."))
		}
		for _, item := range items {
			if err := wholeObject(item, t.Elem(), path); err != nil {
				return err
			}
		}
	}
	return nil
}

func wholeObject(value []byte, t reflect.Type, path string) error {
	members, err := object(value, path)
	if err != nil {
		return err
	}
	return whole(members, t, path)
}
