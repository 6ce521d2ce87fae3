// Package views_test runs the SQL of the BigQuery views: no BigQuery is needed.
package views_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/gemini-webhook/internal/nodetest"
)

// A row as a BigQuery subscription writes it, of what matters here.
type row struct {
	MessageID   string          `json:"message_id"`
	PublishTime string          `json:"publish_time"`
	Data        json.RawMessage `json:"data"`
	Attributes  json.RawMessage `json:"attributes"`
}

// result is a row of a view.
type result = map[string]any

// Every message is in the table three times: written twice, and published again
// on the next day.
func TestViews(t *testing.T) {
	t.Parallel()
	dir := nodetest.Install(t, nodetest.BigQueryPackages...)
	var rows []row
	for i, name := range []string{"batch.result", "batch.result-failed", "batch.result-invalid", "batch.completed"} {
		rows = append(rows, repeated(t, i, message(t, name))...)
	}
	// Another line, of which Gemini did not say the total.
	const id = `"outcome_id": "`
	another := bytes.Replace(message(t, "batch.result"), []byte(`"total_tokens": 4`), []byte(`"thoughts_tokens": 5`), 1)
	rows = append(rows, repeated(t, 4, bytes.ReplaceAll(another, []byte(id), []byte(id+"x")))...)

	var got struct {
		Columns  []string
		Distinct []result
		Usage    []result
	}
	nodetest.Run(t, dir, script, map[string]any{"distinct": view(t, "distinct"), "usage": view(t, "usage"), "rows": rows}, &got)

	want := strings.Fields("publish_time outcome_id type resource_id status key data attributes") // as in 0.2.0: others come after
	if diff := cmp.Diff(want, got.Columns[:len(want)]); diff != "" {
		t.Errorf("first columns (-want +got):\n%s", diff)
	}
	first := result{
		"type": "batch.result", "status": "succeeded", "finish_reason": "STOP", "error_code": nil,
		"model_version": "gemini-2.5-flash", "prompt_tokens": "3", "candidates_tokens": "0", "thoughts_tokens": nil,
		"cached_tokens": "2", "tool_use_tokens": "1", "total_tokens": "4", "origin": "signing_secret",
	}
	if len(got.Distinct) != 5 {
		t.Fatalf("%d outcomes, want each of 5 once", len(got.Distinct))
	}
	for name, want := range first {
		if got.Distinct[0][name] != want {
			t.Errorf("%s: got %v, want %v", name, got.Distinct[0][name], want)
		}
	}
	if got := got.Distinct[1]["error_code"]; got != "429" {
		t.Errorf("error_code: got %v", got)
	}
	const day, batch = "2026-11-21", "batch_1"
	if diff := cmp.Diff([]result{
		{
			"day": day, "resource_id": batch, "display_name": nil, "model_version": "gemini-2.5-flash",
			"results": "2", "succeeded": "2", "failed": "0", "invalid": "0", "results_with_usage": "2",
			"prompt_tokens": "6", "candidates_tokens": "0", "thoughts_tokens": "5", "cached_tokens": "4", "tool_use_tokens": "2",
			"total_tokens": "13", // 4, and 3+0+5+1
		},
		{
			"day": day, "resource_id": batch, "display_name": nil, "model_version": nil,
			"results": "2", "succeeded": "0", "failed": "1", "invalid": "1", "results_with_usage": "0",
			"prompt_tokens": "0", "candidates_tokens": "0", "thoughts_tokens": "0", "cached_tokens": "0", "tool_use_tokens": "0",
			"total_tokens": "0",
		},
	}, got.Usage); diff != "" {
		t.Errorf("usage (-want +got):\n%s", diff)
	}
}

const script = nodetest.BigQuery + `
await table('results', input.rows);
for (const [name, from, sql] of [['results_distinct', 'results', input.distinct], ['usage', 'results_distinct', input.usage]])
  await run('CREATE VIEW ' + name + ' AS ' + duck(name, sql.replace('${from}', 'project.dataset.' + from)).replace('project.dataset.', ''));
console.log(JSON.stringify({
  columns: await columns('SELECT * FROM results_distinct'),
  distinct: await query('SELECT * FROM results_distinct ORDER BY publish_time'),
  usage: await query('SELECT * FROM usage ORDER BY model_version NULLS LAST'),
}));`

// repeated are the rows of the nth message.
func repeated(t *testing.T, n int, m []byte) []row {
	t.Helper()
	var r row
	if err := json.Unmarshal(m, &r); err != nil {
		t.Fatal(err)
	}
	r.MessageID, r.PublishTime = fmt.Sprint(n), fmt.Sprintf("2026-11-21 12:00:0%d", n)
	again := r
	again.MessageID, again.PublishTime = "again", "2026-11-22 12:00:00"
	return []row{r, again, r}
}

func view(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../../modules/bigquery/views", name+".sql"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

// message is one that the receiver's own tests hold, attributes and data.
func message(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../../../internal/outcome/testdata", name+".golden.json"))
	if err != nil {
		t.Fatal(err)
	}
	return text
}
