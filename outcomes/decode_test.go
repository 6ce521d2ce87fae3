package outcomes_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/gemini-webhook/internal/outcome/schematest"
	"example.com/gemini-webhook/outcomes"
)

// golden are the receiver's examples of messages, by name.
func golden(t testing.TB) map[string]schematest.Message {
	t.Helper()
	return schematest.Golden(t, "../internal/outcome/testdata")
}

// value is JSON as it compares: numbers are their texts.
func value(t testing.TB, data []byte) (v any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	must(t, d.Decode(&v))
	return v
}

func encode(t testing.TB, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	must(t, err)
	return data
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestNoMemberIsLost: what is encoded again is what was published.
func TestNoMemberIsLost(t *testing.T) {
	t.Parallel()
	for name, m := range golden(t) {
		o, err := outcomes.Decode(m.Data)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(value(t, m.Data), value(t, encode(t, o))); diff != "" {
			t.Errorf("%s (-published +encoded again):\n%s", name, diff)
		}
		a, err := outcomes.ReadAttributes(m.Attributes)
		must(t, err)
		var got map[string]string
		must(t, json.Unmarshal(encode(t, a), &got))
		for key, value := range a.Metadata {
			got["meta_"+key] = value
		}
		if diff := cmp.Diff(m.Attributes, got); diff != "" {
			t.Errorf("attributes of %s (-published +read):\n%s", name, diff)
		}
	}
}

// TestTypes: each type has its own, but for those that are not the receiver's.
func TestTypes(t *testing.T) {
	t.Parallel()
	all := golden(t)
	for name, want := range map[string]outcomes.Outcome{
		"batch.result":                new(outcomes.BatchResult),
		"batch.completed":             new(outcomes.BatchCompleted),
		"batch.incomplete":            new(outcomes.BatchIncomplete),
		"batch.unreadable":            new(outcomes.BatchUnreadable),
		"batch.failed":                new(outcomes.BatchFailed),
		"batch.expired":               new(outcomes.BatchExpired),
		"batch.cancelled":             new(outcomes.BatchCancelled),
		"video.generated":             new(outcomes.VideoGenerated),
		"interaction.completed":       new(outcomes.InteractionCompleted),
		"interaction.requires_action": new(outcomes.InteractionRequiresAction),
		"interaction.failed":          new(outcomes.InteractionFailed),
		"interaction.cancelled":       new(outcomes.InteractionCancelled),
		"unrecognized-json":           new(outcomes.Unrecognized),
		"other":                       new(outcomes.Other),
	} {
		o, err := outcomes.Decode(all[name].Data)
		must(t, err)
		if got, want := typeOf(o), typeOf(want); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
}

// TestNewMembersArePassedOver: they may come without a new schema_version.
func TestNewMembersArePassedOver(t *testing.T) {
	t.Parallel()
	for name, m := range golden(t) {
		want, err := outcomes.Decode(m.Data)
		must(t, err)
		newer := bytes.Replace(m.Data, []byte(`{`), []byte(`{"new":{"x":[1]},`), 1)
		got, err := outcomes.Decode(newer)
		must(t, err)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}

func TestWhatIsRefused(t *testing.T) {
	t.Parallel()
	all := golden(t)
	for _, broken := range []struct {
		name, from, to string
		want           error
		says           string
	}{
		{"batch.result", `"schema_version": 1`, `"schema_version": 2`, outcomes.ErrVersion, "schema_version 2"},
		{"batch.result", `"schema_version": 1`, `"schema_version": 0`, outcomes.ErrMalformed, "schema_version"},
		{"batch.result", `"schema_version": 1`, `"schema_version": "1"`, outcomes.ErrMalformed, "schema_version"},
		{"batch.result", `"schema_version": 1,`, ``, outcomes.ErrMalformed, "schema_version"},
		{"batch.result", `"outcome_id": "`, `"outcome_id": "../`, outcomes.ErrMalformed, "outcome_id"},
		{"batch.result", `"outcome_id": "`, `"outcome_id": "` + strings.Repeat("x", 64), outcomes.ErrMalformed, "outcome_id"},
		{"batch.result", `"outcome_id"`, `"Outcome_ID"`, outcomes.ErrMalformed, "outcome_id"},
		{"batch.result", `"type": "batch.result"`, `"type": ""`, outcomes.ErrMalformed, "type"},
		{"batch.result", `"status"`, `"Status"`, outcomes.ErrMalformed, "status is missing"},
		{"batch.result", `"status"`, `"Status":"failed","status"`, outcomes.ErrMalformed, "case"},
		{"batch.result", `"status": "succeeded"`, `"status": null`, outcomes.ErrMalformed, "status is null"},
		{"batch.result", `"offset": `, `"offset": -0.5, "x": `, outcomes.ErrMalformed, "offset"},
		{"batch.result", `"generation"`, `"x"`, outcomes.ErrMalformed, "source.generation is missing"},
		{"batch.result", `"published_at": "2026-`, `"published_at": "26-`, outcomes.ErrMalformed, ""},
		{"batch.completed", `"total": 6,`, ``, outcomes.ErrMalformed, "results.total is missing"},
		{"batch.completed", `"results": {`, `"results": [], "x": {`, outcomes.ErrMalformed, "results is no JSON object"},
		{"video.generated-several", `"videos": [`, `"videos": [{},`, outcomes.ErrMalformed, "videos.expires_at is missing"},
		{"video.generated-several", `"videos": [`, `"videos": {}, "x": [`, outcomes.ErrMalformed, "videos is no list"},
		{"interaction.failed", `"code": "denied",`, ``, outcomes.ErrMalformed, "interaction_error.code is missing"},
		{"unrecognized-bytes", `"body_base64": "`, `"body_base64": "?`, outcomes.ErrMalformed, ""},
	} {
		if !bytes.Contains(all[broken.name].Data, []byte(broken.from)) {
			t.Fatalf("%s lacks %s", broken.name, broken.from)
		}
		data := bytes.Replace(all[broken.name].Data, []byte(broken.from), []byte(broken.to), 1)
		if _, err := outcomes.Decode(data); !errors.Is(err, broken.want) || !strings.Contains(err.Error(), broken.says) {
			t.Errorf("%s with %s: %v, want %v: %s", broken.name, broken.to, err, broken.want, broken.says)
		}
	}
	for _, data := range []string{"", "null", "[]", "{}", `"x"`, `{"type":`, "\xff", strings.Repeat(" ", 10_000_001), strings.Repeat("[", 20_000)} {
		if _, err := outcomes.Decode([]byte(data)); !errors.Is(err, outcomes.ErrMalformed) {
			t.Errorf("%.20q: %v", data, err)
		}
	}
}

func TestAttributesThatAreRefused(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(map[string]string){
		"none has to be there":    func(m map[string]string) { clear(m) },
		"one is missing":          func(m map[string]string) { delete(m, "path") },
		"confirmed is no boolean": func(m map[string]string) { m["confirmed"] = "yes" },
	} {
		m := golden(t)["batch.result"].Attributes
		change(m)
		if _, err := outcomes.ReadAttributes(m); !errors.Is(err, outcomes.ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	m := golden(t)["batch.result"].Attributes
	m["googclient_schemaencoding"] = "JSON" // Pub/Sub's own are passed over
	if _, err := outcomes.ReadAttributes(m); err != nil {
		t.Error(err)
	}
}

// FuzzDecode: whatever is taken is encoded to what is taken again, and is the same then.
func FuzzDecode(f *testing.F) {
	for _, m := range golden(f) {
		f.Add([]byte(m.Data))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		o, err := outcomes.Decode(data)
		if err != nil {
			if !errors.Is(err, outcomes.ErrMalformed) && !errors.Is(err, outcomes.ErrVersion) {
				t.Fatalf("an error of no kind: %v", err)
			}
			return
		}
		once := encode(t, o)
		again, err := outcomes.Decode(once)
		if err != nil {
			t.Fatalf("%s\n%v", once, err)
		}
		if diff := cmp.Diff(value(t, once), value(t, encode(t, again))); diff != "" {
			t.Fatal(diff)
		}
		new(outcomes.Progress).Add(o)
	})
}
