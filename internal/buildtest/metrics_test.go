package buildtest

import (
	"encoding/json"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/gemini-webhook/internal/buildtest/monitoring"
)

// filledFiles writes them all to a directory, by the names that the script gives them.
func filledFiles(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for _, kind := range []string{"metrics", "slos", "alerts"} {
		for _, name := range monitoring.Names(t, kind) {
			writeFile(t, filepath.Join(dir, kind+"-"+name+".json"), monitoring.Text(t, kind+"/"+name+".json"))
		}
	}
	writeFile(t, filepath.Join(dir, "dashboard.json"), monitoring.Text(t, "dashboard.json"))
	return dir
}

// loggedEntries are the lines that the receiver really writes, which an end-to-end test
// records, as Cloud Run makes entries of them.
func loggedEntries(t *testing.T) (entries []monitoring.Entry) {
	t.Helper()
	for text := range strings.Lines(readFile(t, "internal/e2e/testdata/lines.jsonl")) {
		var l struct {
			Function string
			Line     map[string]any
		}
		must(t, json.Unmarshal([]byte(text), &l))
		entries = append(entries, monitoring.Logged(l.Function, l.Line))
	}
	return entries
}

// platformEntries are some that Cloud Run writes itself, in the form that it documents.
func platformEntries() []monitoring.Entry {
	request := func(function, method, path, latency string, status float64) monitoring.Entry {
		return monitoring.Revision(function, "run.googleapis.com/requests", monitoring.Entry{"severity": "INFO", "httpRequest": map[string]any{
			"requestMethod": method, "requestUrl": "https://door.example" + path, "status": status, "latency": latency,
		}})
	}
	system := func(function, severity, text string) monitoring.Entry {
		return monitoring.Revision(function, "run.googleapis.com/varlog/system", monitoring.Entry{"severity": severity, "textPayload": text})
	}
	return []monitoring.Entry{
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
		"outcomes":        {"mode=dynamic type=interaction.completed 1.5", "mode=static type=batch.completed 1.5", "mode=static type=batch.completed 1.5", "mode=static type=batch.failed 1.5", "mode=static type=batch.incomplete 1.5", "mode=static type=batch.unreadable 1.5", "mode=static type=interaction.completed 1.5"},
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
	entries = append(entries, monitoring.Logged("tasks", map[string]any{ // once more, at the end of all rounds: its lines are counted
		"severity": "INFO", "message": "outcome published", "type": "batch.completed", "mode": "static", "age_s": 1.5,
	}))
	got := map[string][]string{}
	for _, name := range monitoring.Names(t, "metrics") {
		got[name] = counted(t, name, entries)
		slices.Sort(want[name])
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// counted gives labels and value of each entry that a metric counts.
func counted(t *testing.T, name string, entries []monitoring.Entry) (texts []string) {
	t.Helper()
	for _, p := range monitoring.MetricOf(t, name).Points(t, entries) {
		var text []string
		for _, label := range slices.Sorted(maps.Keys(p.Labels)) {
			text = append(text, label+"="+p.Labels[label])
		}
		if p.Value != "" {
			text = append(text, p.Value)
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
	for _, name := range monitoring.Names(t, "metrics") {
		m := monitoring.MetricOf(t, name)
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
