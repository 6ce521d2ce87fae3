package buildtest

import (
	"encoding/json"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// placeholders are values of what the definitions in terraform/monitoring leave open.
var placeholders = map[string]string{
	"project": "acme-prod", "name": "gemini-webhook", "prefix": "gemini_webhook", "region": "europe-west1", "public": "gemini-webhook",
	"tasks": "gemini-webhook-tasks", "rotate": "gemini-webhook-rotate", "reconcile": "gemini-webhook-reconcile",
	"notification_channels": `["projects/acme-prod/notificationChannels/1"]`, "runbook_base_url": "https://runbooks.example",
}

// definition reads a file of terraform/monitoring as Terraform and the script do.
func definition(t *testing.T, name string, v any) {
	t.Helper()
	must(t, json.Unmarshal([]byte(filledIn(t, name)), v))
}

// filledIn is such a file without placeholders.
func filledIn(t *testing.T, name string) string {
	t.Helper()
	text := readFile(t, "terraform/monitoring/"+name)
	for placeholder, value := range values(t) {
		text = strings.ReplaceAll(text, "${"+placeholder+"}", value)
	}
	if _, rest, more := strings.Cut(text, "${"); more {
		t.Fatalf("terraform/monitoring/%s: no value for ${%.30s", name, rest)
	}
	return text
}

// filledFiles writes them all to a directory, by the names that the script gives them.
func filledFiles(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for _, kind := range []string{"metrics", "slos", "alerts"} {
		for _, name := range definitions(t, kind) {
			writeFile(t, filepath.Join(dir, kind+"-"+name+".json"), filledIn(t, kind+"/"+name+".json"))
		}
	}
	writeFile(t, filepath.Join(dir, "dashboard.json"), filledIn(t, "dashboard.json"))
	return dir
}

// definitions are the names of those of a kind: metrics, alerts, slos.
func definitions(t *testing.T, kind string) (names []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(moduleRoot(t), "terraform/monitoring", kind, "*.json"))
	must(t, err)
	for _, file := range files {
		names = append(names, strings.TrimSuffix(filepath.Base(file), ".json"))
	}
	if len(names) < 3 {
		t.Fatalf("%s: %v", kind, names)
	}
	return names
}

// logMetric is a LogMetric as REST has it.
type logMetric struct {
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

// revision is an entry of one of the functions.
func revision(function, log string, more entry) entry {
	e := entry{
		"logName":  "projects/acme-prod/logs/" + strings.ReplaceAll(log, "/", "%2F"),
		"resource": map[string]any{"type": "cloud_run_revision", "labels": map[string]any{"service_name": placeholders[function]}},
	}
	maps.Copy(e, more)
	return e
}

// loggedEntries are the lines that the receiver really writes, which an end-to-end test
// records, as Cloud Run makes entries of them.
func loggedEntries(t *testing.T) (entries []entry) {
	t.Helper()
	for text := range strings.Lines(readFile(t, "internal/e2e/testdata/lines.jsonl")) {
		var l struct {
			Function string
			Line     map[string]any
		}
		must(t, json.Unmarshal([]byte(text), &l))
		severity, ok := l.Line["severity"]
		if !ok {
			entries = append(entries, revision(l.Function, "run.googleapis.com/stderr", entry{"textPayload": l.Line["message"]}))
			continue
		}
		delete(l.Line, "severity")
		delete(l.Line, "time")
		entries = append(entries, revision(l.Function, "run.googleapis.com/stderr", entry{"severity": severity, "jsonPayload": l.Line}))
	}
	return entries
}

// platformEntries are some that Cloud Run writes itself, in the form that it documents.
func platformEntries() []entry {
	request := func(function, method, path, latency string, status float64) entry {
		return revision(function, "run.googleapis.com/requests", entry{"severity": "INFO", "httpRequest": map[string]any{
			"requestMethod": method, "requestUrl": "https://door.example" + path, "status": status, "latency": latency,
		}})
	}
	system := func(function, severity, text string) entry {
		return revision(function, "run.googleapis.com/varlog/system", entry{"severity": severity, "textPayload": text})
	}
	return []entry{
		request("public", "POST", "/gemini", "0.012s", 200), request("public", "POST", "/gemini", "3.2s", 200),
		request("public", "POST", "/gemini", "0.002s", 401), request("public", "POST", "/gemini", "4.001s", 503),
		request("public", "POST", "/gemini", "0s", 429), request("public", "GET", "/health", "0.001s", 200),
		request("public", "POST", "/tasks/process", "2s", 500), request("tasks", "POST", "/tasks/process", "2s", 204),
		system("tasks", "ERROR", "Memory limit of 512 MiB exceeded with 530 MiB used. Consider increasing the memory limit"),
		system("public", "ERROR", "The user-provided container failed to start and listen on the port defined provided by the PORT=8080 environment variable"),
		system("rotate", "ERROR", "Default STARTUP TCP probe failed 1 time consecutively for container \"worker\" on port 8080."),
		system("reconcile", "WARNING", "Container called exit(1)."), system("public", "WARNING", "Container called exit(0)."),
		system("public", "INFO", "Starting new instance. Reason: AUTOSCALING"),
	}
}

// TestMetricsCountTheRightLines: of all that the functions and Cloud Run write, each
// metric counts these lines and no others, with these labels and values.
func TestMetricsCountTheRightLines(t *testing.T) {
	t.Parallel()
	want := map[string][]string{
		"deliveries": {
			"reason= scheme=ed25519 secret_version=newest verdict=accepted", "reason= scheme=rs256 secret_version=newest verdict=accepted",
			"reason= scheme=hmac-sha256 secret_version=newest verdict=accepted", "reason= scheme=hmac-sha256 secret_version=older verdict=accepted",
			"reason= scheme=hmac-sha256 secret_version=ending verdict=accepted", "reason= scheme=hmac-sha256 secret_version=newest verdict=repeated",
			"reason=missing_header scheme= secret_version= verdict=refused", "reason=origin_unproven scheme= secret_version= verdict=refused",
			"reason=signature_mismatch scheme= secret_version= verdict=refused", "reason=timestamp_out_of_range scheme= secret_version= verdict=refused",
			"reason=timestamp_out_of_range scheme=hmac-sha256 secret_version=newest verdict=stale",
			"reason=queue_unavailable scheme=hmac-sha256 secret_version=newest verdict=unavailable",
		},
		"secret-age":      {"0", "0", "0", "0"},
		"door-requests":   {"status=200", "status=200", "status=401", "status=429", "status=503"},
		"door-due":        {"", "", "", ""},
		"door-kept":       {""},
		"outcomes":        {"mode=dynamic type=interaction.completed 1.5", "mode=static type=batch.completed 1.5", "mode=static type=batch.failed 1.5", "mode=static type=batch.incomplete 1.5", "mode=static type=batch.unreadable 1.5", "mode=static type=interaction.completed 1.5"},
		"batches":         {"in_time=false", "in_time=true"},
		"lines-succeeded": {"3"}, "lines-failed": {"1"}, "lines-invalid": {"1"},
		"tasks":            {"kind=event result=done", "kind=event result=not done", "kind=range result=done"},
		"reconciliations":  {"severity=INFO", "severity=INFO", "severity=INFO", "severity=WARNING"},
		"reconciled":       {"0", "0", "0", "0"},
		"running-jobs":     {"0", "1", "1", "1"},
		"canary":           {"canary=missing", "canary=ok", "canary=pending", "canary=unsent"},
		"canary-latency":   {"1.5"},
		"webhooks":         {"now=enabled again", "now=stays so"},
		"rotations":        {"action=current", "action=failed", "action=limited", "action=rotated"},
		"failed-instances": {"reason=Memory limit service=gemini-webhook-tasks", "reason=called exit service=gemini-webhook-reconcile", "reason=failed to start service=gemini-webhook", "reason=probe failed service=gemini-webhook-rotate"},
	}
	entries := append(loggedEntries(t), platformEntries()...)
	got := map[string][]string{}
	for _, name := range definitions(t, "metrics") {
		var m logMetric
		definition(t, "metrics/"+name+".json", &m)
		got[name] = counted(t, name, m, entries)
		slices.Sort(want[name])
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// point is what a metric takes from an entry; value is "" if it counts only.
type point struct {
	labels map[string]string
	value  string
}

// points are those of the entries that a metric counts.
func points(t *testing.T, name string, m logMetric, entries []entry) (found []point) {
	t.Helper()
	matches := parseFilter(t, m.Filter)
	for _, e := range entries {
		if !matches(e) {
			continue
		}
		p := point{labels: map[string]string{}}
		for label, text := range m.LabelExtractors {
			p.labels[label], _ = extractor(t, text)(e) // a label without a value is ""
		}
		if m.ValueExtractor != "" {
			value, ok := extractor(t, m.ValueExtractor)(e)
			if !ok {
				t.Errorf("%s counts a line without its value: %v", name, e)
			}
			p.value = value
		}
		found = append(found, p)
	}
	return found
}

// counted gives labels and value of each entry that a metric counts.
func counted(t *testing.T, name string, m logMetric, entries []entry) (texts []string) {
	t.Helper()
	for _, p := range points(t, name, m, entries) {
		var text []string
		for _, label := range slices.Sorted(maps.Keys(p.labels)) {
			text = append(text, label+"="+p.labels[label])
		}
		if m.ValueExtractor != "" {
			text = append(text, p.value)
		}
		texts = append(texts, strings.Join(text, " "))
	}
	slices.Sort(texts)
	return texts
}

// TestMetricsAreWhole: what Cloud Logging would refuse, and labels whose number nobody
// has thought of.
func TestMetricsAreWhole(t *testing.T) {
	t.Parallel()
	for _, name := range definitions(t, "metrics") {
		var m logMetric
		definition(t, "metrics/"+name+".json", &m)
		var keys []string
		for _, label := range m.Descriptor.Labels {
			keys = append(keys, label.Key)
			if label.Description == "" {
				t.Errorf("%s: the label %s does not say why its values are few", name, label.Key)
			}
		}
		slices.Sort(keys)
		if extracted := slices.Sorted(maps.Keys(m.LabelExtractors)); !slices.Equal(keys, extracted) || len(keys) > 10 {
			t.Errorf("%s: labels %v, extractors %v", name, keys, extracted)
		}
		distribution := m.Descriptor.ValueType == "DISTRIBUTION"
		if distribution != (m.ValueExtractor != "") || distribution != (m.BucketOptions != nil) || m.Descriptor.MetricKind != "DELTA" || len(m.Filter) > 20_000 || m.Description == "" {
			t.Errorf("%s: %+v", name, m)
		}
	}
}
