package results

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/gemini-webhook/internal/outcome"
)

var update = flag.Bool("update", false, "rewrite testdata/lines/*.golden")

// Lines as they were found, each with what it is read as in a row of the golden
// file. Their responses, which are the lines' own, are not repeated there.
func TestFoundLines(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/lines/*.jsonl")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var got strings.Builder
			for raw := range bytes.Lines(content) {
				line := Parse(raw)
				for _, part := range [][]byte{line.Response, line.Request, line.Extra} {
					if part != nil && !json.Valid(part) {
						t.Errorf("%s is not JSON", part)
					}
				}
				if line.Status != outcome.StatusInvalid && len(line.Response) == 0 && line.Error == nil {
					t.Errorf("%s has neither a response nor an error", raw)
				}
				line.Response, line.Request = nil, nil
				got.WriteString(tell(line) + "\n")
			}
			golden := strings.TrimSuffix(file, "jsonl") + "golden"
			if *update {
				if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatalf("%v; run `go test ./internal/results -run Found -update`", err)
			}
			if diff := cmp.Diff(string(want), got.String()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", golden, diff)
			}
		})
	}
}
