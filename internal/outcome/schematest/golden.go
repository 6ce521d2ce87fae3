package schematest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Message is a published one.
type Message struct {
	Attributes map[string]string `json:"attributes"`
	Data       json.RawMessage   `json:"data"`
}

// Golden gives the messages that package outcome's tests hold, by name. The directory
// is that package's testdata.
func Golden(t testing.TB, dir string) map[string]Message {
	t.Helper()
	const suffix = ".golden.json"
	files, err := filepath.Glob(filepath.Join(dir, "*"+suffix))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 20 {
		t.Fatalf("there are %d golden files in %s", len(files), dir)
	}
	all := make(map[string]Message)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var m Message
		if err := json.Unmarshal(text, &m); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		all[strings.TrimSuffix(filepath.Base(file), suffix)] = m
	}
	return all
}
