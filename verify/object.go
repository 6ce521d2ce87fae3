package verify

import (
	"encoding/json"

	"example.com/gemini-webhook/internal/lenientjson"
)

// object is a JSON object, by its exact names: encoding/json would take "EXP" for
// "exp" when decoding into a struct.
type object lenientjson.Value

// parseObject reads a JSON object. It refuses all else.
func parseObject(text []byte) (object, bool) {
	if !json.Valid(text) {
		return nil, false
	}
	v := lenientjson.Of(text)
	if !v.IsObject() {
		return nil, false
	}
	return object(v), true
}

// get returns a member's value; of two with one name the last one.
func (o object) get(name string) (value lenientjson.Value, ok bool) {
	value = lenientjson.Value(o).Get(name)
	return value, value != nil
}

func (o object) has(name string) bool {
	_, ok := o.get(name)
	return ok
}

// text returns a member that is a string, else "".
func (o object) text(name string) string {
	value, _ := o.get(name)
	return value.Str()
}
