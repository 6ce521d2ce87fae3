// Package monitoring reads terraform/monitoring as Terraform and the script do, and
// evaluates it: which entries of a log a metric counts, and whether an alert fires of
// them. It is of tests.
package monitoring

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// root is the module's, from the packages of the tests: all are two levels down.
const root = "../.."

// Placeholders are values of what the definitions leave open.
var Placeholders = map[string]string{
	"project": "acme-prod", "name": "gemini-webhook", "prefix": "gemini_webhook", "region": "europe-west1", "public": "gemini-webhook",
	"tasks": "gemini-webhook-tasks", "rotate": "gemini-webhook-rotate", "reconcile": "gemini-webhook-reconcile",
	"notification_channels": `["projects/acme-prod/notificationChannels/1"]`, "runbook_base_url": "https://runbooks.example",
}

// Values are those of all placeholders: of alerts.thresholds the module's defaults.
func Values(t testing.TB) map[string]string {
	t.Helper()
	all := maps.Clone(Placeholders)
	_, thresholds, _ := strings.Cut(read(t, "terraform/modules/options/variables_options.tf"), "thresholds = optional(object({")
	thresholds, _, _ = strings.Cut(thresholds, "}), {})")
	found := regexp.MustCompile(`(\w+)\s+= optional\(number, ([0-9.]+)\)`).FindAllStringSubmatch(thresholds, -1)
	if len(found) < 10 {
		t.Fatalf("thresholds: %v", found)
	}
	for _, m := range found {
		all[m[1]] = m[2]
	}
	all["rotation_hours"] = "744"
	return all
}

func read(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Text is a file of terraform/monitoring without placeholders.
func Text(t testing.TB, name string) string {
	t.Helper()
	text := read(t, "terraform/monitoring/"+name)
	for placeholder, value := range Values(t) {
		text = strings.ReplaceAll(text, "${"+placeholder+"}", value)
	}
	if _, rest, more := strings.Cut(text, "${"); more {
		t.Fatalf("terraform/monitoring/%s: no value for ${%.30s", name, rest)
	}
	return text
}

// Read decodes such a file.
func Read(t testing.TB, name string, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(Text(t, name)), v); err != nil {
		t.Fatalf("terraform/monitoring/%s: %v", name, err)
	}
}

// Names are those of the definitions of a kind: metrics, alerts, slos.
func Names(t testing.TB, kind string) (names []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "terraform/monitoring", kind, "*.json"))
	if err != nil || len(files) < 3 {
		t.Fatalf("%s: %v, %v", kind, files, err)
	}
	for _, file := range files {
		names = append(names, strings.TrimSuffix(filepath.Base(file), ".json"))
	}
	return names
}

// Metric is a LogMetric as REST has it.
type Metric struct {
	Description     string
	Filter          string
	ValueExtractor  string
	LabelExtractors map[string]string
	BucketOptions   any
	Descriptor      struct {
		MetricKind, ValueType, Unit string
		Labels                      []struct{ Key, ValueType, Description string }
	} `json:"metricDescriptor"`
}

// MetricOf is the metric of a name.
func MetricOf(t testing.TB, name string) (m Metric) {
	t.Helper()
	Read(t, "metrics/"+name+".json", &m)
	return m
}

// Point is what a metric has of an entry. Value is "" where it only counts.
type Point struct {
	Labels map[string]string // "" where the entry has none
	Value  string
}

// Points are those of the entries that a metric counts.
func (m Metric) Points(t testing.TB, entries []Entry) (points []Point) {
	t.Helper()
	matches := Filter(t, m.Filter)
	for _, e := range entries {
		if !matches(e) {
			continue
		}
		p := Point{Labels: map[string]string{}}
		for label, text := range m.LabelExtractors {
			p.Labels[label], _ = extractor(t, text)(e)
		}
		if m.ValueExtractor != "" {
			var ok bool
			if p.Value, ok = extractor(t, m.ValueExtractor)(e); !ok {
				t.Errorf("a line without its value: %v", e)
			}
		}
		points = append(points, p)
	}
	return points
}

// Revision is an entry of a function: public, tasks, rotate or reconcile.
func Revision(function, log string, more Entry) Entry {
	e := Entry{
		"logName":  "projects/" + Placeholders["project"] + "/logs/" + strings.ReplaceAll(log, "/", "%2F"),
		"resource": map[string]any{"type": "cloud_run_revision", "labels": map[string]any{"service_name": Placeholders[function]}},
	}
	maps.Copy(e, more)
	return e
}

// Logged is the entry that Cloud Run makes of a line that a function wrote.
func Logged(function string, line map[string]any) Entry {
	severity, ok := line["severity"]
	if !ok {
		return Revision(function, stderr, Entry{"textPayload": line["message"]})
	}
	payload := maps.Clone(line)
	delete(payload, "severity")
	delete(payload, "time")
	return Revision(function, stderr, Entry{"severity": severity, "jsonPayload": payload})
}

const stderr = "run.googleapis.com/stderr"
