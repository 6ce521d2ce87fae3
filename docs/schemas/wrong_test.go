package schemas_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/gemini-webhook/internal/outcome/schematest"
)

// passedOn are members that hold what others wrote: what is in them is theirs.
var passedOn = []string{"event", "user_metadata", "extra", "response", "request", "details", "resource", "labels"}

// TestWrongMessagesAreRefused makes each of the receiver's messages wrong in one place: a
// member is missing, null or of another type, or there is one more. testdata/taken.txt has
// those that the schemas take all the same, which are members that a message may lack, and
// JSON of any type; nothing else belongs there.
func TestWrongMessagesAreRefused(t *testing.T) {
	t.Parallel()
	schemas, err := schematest.Compile(os.DirFS(".")) // as -update has just made them
	must(t, err)
	var taken []string
	refused := 0
	all := messages(t)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		data, attributes := object(t, all[name].Data), object(t, jsonOf(t, all[name].Attributes))
		note := func(what string, err error) {
			if err == nil {
				taken = append(taken, name+": "+what)
			} else {
				refused++
			}
		}
		wrong(data, "", func(what string) { note(what, schemas.Check(jsonOf(t, data))) })
		wrong(attributes, "attribute ", func(what string) { note(what, schemas.CheckAttributes(attributes)) })
	}
	const file = "testdata/taken.txt"
	got := strings.Join(taken, "\n") + "\n"
	if *update {
		must(t, os.MkdirAll(filepath.Dir(file), 0o755))
		must(t, os.WriteFile(file, []byte(got), 0o644))
	}
	want, err := os.ReadFile(file)
	must(t, err)
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("wrong messages that are taken (-%s +now); if that is meant, run `go test ./docs/schemas -update`:\n%s", file, diff)
	}
	if refused < 1000 {
		t.Errorf("only %d wrong messages were refused", refused)
	}
}

// wrong calls try for each way in which an object, which stands in what try looks at, can be
// wrong in one place.
func wrong(members map[string]any, path string, try func(what string)) {
	members["more"] = 1
	try("more in " + path)
	delete(members, "more")
	for _, name := range slices.Sorted(maps.Keys(members)) {
		right := members[name]
		delete(members, name)
		try("without " + path + name)
		members[name] = nil
		try("null as " + path + name)
		if members[name] = any("text"); isText(right) {
			members[name] = 1
		}
		try("another type of " + path + name)
		members[name] = right
		if slices.Contains(passedOn, name) {
			continue
		}
		items, _ := right.([]any)
		for _, item := range append(items, right) {
			if inner, is := item.(map[string]any); is {
				wrong(inner, path+name+".", try)
			}
		}
	}
}

func isText(value any) bool {
	_, is := value.(string)
	return is
}

// object is JSON with its numbers as they stand: one of them fits no float64.
func object(t *testing.T, text []byte) (members map[string]any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	must(t, d.Decode(&members))
	return members
}

func jsonOf(t *testing.T, value any) []byte {
	t.Helper()
	text, err := json.Marshal(value)
	must(t, err)
	return text
}
