package consumer_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/gemini-webhook/examples/consumer/consumertest"
	"example.com/gemini-webhook/internal/nodetest"
	"example.com/gemini-webhook/outcomes"
)

// row is one that a BigQuery subscription writes, of what matters here.
type row struct {
	MessageID   string            `json:"message_id"`
	PublishTime string            `json:"publish_time"`
	Data        json.RawMessage   `json:"data"`
	Attributes  map[string]string `json:"attributes"`
}

// warehouse is what BigQuery would hold, each message twice.
type warehouse struct {
	Results  []row             `json:"results"`
	Outcomes []row             `json:"outcomes"`
	Views    map[string]string `json:"views"`
	Queries  map[string]string `json:"queries"`
}

func (w *warehouse) add(t *testing.T, m consumertest.Message) {
	t.Helper()
	var said struct {
		PublishedAt time.Time `json:"published_at"`
	}
	must(t, json.Unmarshal(m.Data, &said))
	rows := &w.Outcomes
	if m.Attributes["type"] == "batch.result" {
		rows = &w.Results
	}
	for range 2 {
		*rows = append(*rows, row{
			fmt.Sprint(len(*rows)), said.PublishedAt.UTC().Format("2006-01-02 15:04:05.000000"), m.Data, m.Attributes,
		})
	}
}

// golden is a message that the receiver's own tests hold, published on another day.
func golden(t *testing.T, name string, day time.Time) consumertest.Message {
	t.Helper()
	text, err := os.ReadFile("../../internal/outcome/testdata/" + name + ".golden.json")
	must(t, err)
	text = bytes.ReplaceAll(text, []byte("2026-11-21T"), []byte(day.UTC().Format("2006-01-02T")))
	var m struct {
		Attributes map[string]string
		Data       json.RawMessage
	}
	must(t, json.Unmarshal(text, &m))
	return consumertest.Message{Data: m.Data, Attributes: m.Attributes}
}

// files are the texts of SQL files, by name.
func files(t *testing.T, pattern string, want int) map[string]string {
	t.Helper()
	names, err := filepath.Glob(pattern)
	must(t, err)
	if len(names) != want {
		t.Fatalf("%s: %v, want %d files", pattern, names, want)
	}
	texts := map[string]string{}
	for _, name := range names {
		text, err := os.ReadFile(name)
		must(t, err)
		texts[strings.TrimSuffix(filepath.Base(name), ".sql")] = string(text)
	}
	return texts
}

// queries runs the queries of examples/consumer/bigquery on the views of the Terraform
// module: on the rig's batch, which is of a team, and on some messages of another batch,
// which is not complete.
func queries(t *testing.T, rig *consumertest.Rig) {
	dir := nodetest.Install(t, nodetest.BigQueryPackages...)
	want := expect(t, rig)
	w := warehouse{Views: files(t, "../../terraform/modules/bigquery/views/*.sql", 2), Queries: files(t, "bigquery/*.sql", 5)}
	for _, m := range append(rig.Lines, rig.Completed) {
		w.add(t, m)
	}
	for _, name := range []string{"batch.result", "batch.result-failed", "batch.completed", "batch.incomplete"} {
		w.add(t, golden(t, name, want.published.Add(-24*time.Hour)))
	}
	var got struct {
		Cost    []map[string]any `json:"cost_by_team"`
		Failed  []map[string]any `json:"failed_requests"`
		Missing []map[string]any `json:"incomplete_batches"`
		Latency []map[string]any `json:"latency"`
		Tokens  []map[string]any `json:"tokens_by_batch"`
	}
	nodetest.Run(t, dir, warehouseScript, w, &got)

	const dollars = (3 + 1) * 0.15 / 1e6 // the golden line's: of the prompt, and of tools
	if diff := cmp.Diff([]map[string]any{
		{"team": consumertest.Team, "model": "gemini-2.5-flash", "results": fmt.Sprint(want.withModel), "input_tokens": fmt.Sprint(want.input), "output_tokens": fmt.Sprint(want.output), "dollars": want.dollars},
		{"team": "(none)", "model": "gemini-2.5-flash", "results": "1", "input_tokens": "4", "output_tokens": "0", "dollars": round(dollars)},
	}, priced(got.Cost)); diff != "" {
		t.Errorf("cost_by_team (-want +got):\n%s", diff)
	}
	codes := map[string]int64{}
	for _, r := range got.Failed {
		var n int64
		_, err := fmt.Sscan(r["requests"].(string), &n)
		must(t, err)
		codes[r["code"].(string)] += n
	}
	want.codes["429"]++ // the golden one
	if diff := cmp.Diff(want.codes, codes); diff != "" {
		t.Errorf("failed_requests (-want +got):\n%s", diff)
	}
	if len(got.Missing) != 1 || got.Missing[0]["resource_id"] != "batch_1" || got.Missing[0]["results"] != "2" || got.Missing[0]["total"] != "6" || got.Missing[0]["reported"] != "unavailable" {
		t.Errorf("incomplete_batches: %v, want batch_1 alone, with 2 of 6", got.Missing)
	}
	for i, seconds := range []float64{want.seconds, 3600.867} {
		if r := got.Latency; len(r) != 2 || r[i]["p50"] != seconds || r[i]["p95"] != seconds || r[i]["longest"] != seconds || r[i]["batches"] != "1" {
			t.Errorf("latency: %v, want %v s on day %d", r, seconds, i)
		}
	}
	if r := got.Tokens; len(r) != 2 || r[0]["resource_id"] != rig.Want.ResourceID || r[0]["tokens"] != fmt.Sprint(want.input+want.output) {
		t.Errorf("tokens_by_batch: %v, want %d of %s first", r, want.input+want.output, rig.Want.ResourceID)
	}
}

const warehouseScript = nodetest.BigQuery + `
await run('CREATE SCHEMA gemini_webhook');
const view = async (name, from, sql) =>
  run('CREATE VIEW gemini_webhook.' + name + ' AS ' + duck(name, sql.replace('${from}', 'gemini_webhook.' + from)).replace('"gemini_webhook.' + from + '"', 'gemini_webhook.' + from));
for (const topic of ['results', 'outcomes']) {
  await table('gemini_webhook.' + topic, input[topic]);
  await view(topic + '_distinct', topic, input.views.distinct);
}
await view('usage', 'results_distinct', input.views.usage);
const answers = {};
for (const [name, sql] of Object.entries(input.queries)) answers[name] = await query(duck(name, sql));
console.log(JSON.stringify(answers));`

// expected is what the queries should say of the rig's batch.
type expected struct {
	input, output, withModel int64
	dollars, seconds         float64
	published                time.Time
	codes                    map[string]int64
}

func expect(t *testing.T, rig *consumertest.Rig) expected {
	t.Helper()
	e := expected{codes: map[string]int64{}}
	for _, line := range rig.Lines {
		o, err := outcomes.Decode(line.Data)
		must(t, err)
		r := o.(*outcomes.BatchResult)
		if r.Status != outcomes.Succeeded {
			e.codes[r.Error.Code]++
		}
		if r.ModelVersion == "gemini-2.5-flash" {
			e.withModel++
		}
		var tokens struct {
			Usage struct {
				Prompt     int64 `json:"prompt_tokens"`
				Candidates int64 `json:"candidates_tokens"`
				Thoughts   int64 `json:"thoughts_tokens"`
			}
		}
		must(t, json.Unmarshal(line.Data, &tokens))
		e.input += tokens.Usage.Prompt
		e.output += tokens.Usage.Candidates + tokens.Usage.Thoughts
	}
	e.dollars = round((float64(e.input)*0.15 + float64(e.output)*1.25) / 1e6)
	var completed struct {
		PublishedAt time.Time `json:"published_at"`
		ReceivedAt  time.Time `json:"received_at"`
	}
	must(t, json.Unmarshal(rig.Completed.Data, &completed))
	e.published = completed.PublishedAt
	e.seconds = float64(completed.PublishedAt.UnixMilli()-completed.ReceivedAt.UnixMilli()) / 1000
	return e
}

func round(dollars float64) float64 { return math.Round(dollars*1e6) / 1e6 }

// priced leaves out what has no model: lines that failed.
func priced(rows []map[string]any) (kept []map[string]any) {
	for _, r := range rows {
		if r["model"] != nil {
			kept = append(kept, r)
		}
	}
	return kept
}
