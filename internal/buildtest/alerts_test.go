package buildtest

import (
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/gemini-webhook/internal/buildtest/monitoring"
)

// noAlerts are the runbooks that no alert leads to.
var noAlerts = []string{"secret-compromised"} // people notice that, or are told

// TestEveryAlertHasItsRunbook and every runbook its alert: an alert of an SLO has its
// SLO's, slo-accepted of slo-accepted.fast.
func TestEveryAlertHasItsRunbook(t *testing.T) {
	t.Parallel()
	wanted := map[string]bool{}
	for _, name := range noAlerts {
		wanted[name] = true
	}
	for _, name := range monitoring.Names(t, "alerts") {
		a := monitoring.AlertOf(t, name)
		runbook, _, _ := strings.Cut(name, ".")
		wanted[runbook] = true
		if links := a.Documentation.Links; len(links) != 1 || links[0].URL != "https://runbooks.example/"+runbook+".md" {
			t.Errorf("%s links to %v", name, links)
		}
		if want := monitoring.Placeholders["name"] + ": " + strings.ReplaceAll(name, ".", ", "); a.DisplayName != want {
			t.Errorf("%s is called %q, want %q", name, a.DisplayName, want)
		}
		checkPolicy(t, name, a)
	}
	files, err := filepath.Glob(filepath.Join(moduleRoot(t), "docs/runbooks/*.md"))
	must(t, err)
	var got []string
	for _, file := range files {
		got = append(got, strings.TrimSuffix(filepath.Base(file), ".md"))
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(wanted)), got); diff != "" {
		t.Errorf("(-wanted +there):\n%s", diff)
	}
}

// TestAlertsThatAreNotDrilled: what no test here can bring about is what Cloud Run writes
// of itself, and what BigQuery's subscriptions hold. Of entries and series of that, made by
// hand, their alerts fire above the threshold, and neither at it nor of others.
func TestAlertsThatAreNotDrilled(t *testing.T) {
	t.Parallel()
	request := func(function, method string, status float64) monitoring.Entry {
		return monitoring.Revision(function, "run.googleapis.com/requests", monitoring.Entry{"httpRequest": map[string]any{
			"requestMethod": method, "requestUrl": "https://door.example/gemini", "status": status,
		}})
	}
	failed := func(function, text string) monitoring.Entry {
		return monitoring.Revision(function, "run.googleapis.com/varlog/system", monitoring.Entry{"severity": "ERROR", "textPayload": text})
	}
	for name, test := range map[string]struct {
		threshold     string
		counts        monitoring.Entry   // one more than the threshold fires
		others        []monitoring.Entry // as many of each as the threshold change nothing
		metric        string             // of Pub/Sub, in place of entries
		subscriptions []string
	}{
		"deliveries-throttled": {
			threshold: "door_429_in_10m", counts: request("public", "POST", 429),
			others: []monitoring.Entry{request("public", "POST", 401), request("public", "POST", 503), request("public", "GET", 429), request("tasks", "POST", 429)},
		},
		"failed-instances": {
			threshold: "failed_instances_in_10m", counts: failed("tasks", "Memory limit of 512 MiB exceeded with 530 MiB used."),
			others: []monitoring.Entry{ // the last two are counted apart
				failed("tasks", "Container called exit(0)."), failed("tasks", "Starting new instance. Reason: AUTOSCALING"),
				failed("public", "Memory limit of 512 MiB exceeded with 530 MiB used."), failed("tasks", "Container called exit(1)."),
			},
		},
		"bigquery-backlog": {
			threshold: "bigquery_backlog_seconds", metric: "oldest_unacked_message_age",
			subscriptions: []string{"gemini-webhook-outcomes-bigquery", "gemini-webhook-results-bigquery"},
		},
		"bigquery-dead-letters": {
			threshold: "dead_letters", metric: "num_undelivered_messages", subscriptions: []string{"gemini-webhook-bigquery-dead-letters"},
		},
	} {
		alert := monitoring.AlertOf(t, name)
		threshold, err := strconv.Atoi(monitoring.Values(t)[test.threshold])
		must(t, err)
		fires := func(n int, of string) bool {
			s := monitoring.State{Gauge: func(metric, subscription string) float64 {
				if metric == test.metric && subscription == of {
					return float64(n)
				}
				return 0
			}}
			if test.counts != nil {
				s.Entries = append(slices.Repeat(test.others, threshold), slices.Repeat([]monitoring.Entry{test.counts}, n)...)
			}
			return alert.Fires(t, s)
		}
		for _, of := range append(test.subscriptions, "another") {
			if want := test.counts != nil || of != "another"; fires(threshold, of) || fires(threshold+1, of) != want {
				t.Errorf("%s, %s: fires of %d: %t, of one more: %t", name, of, threshold, fires(threshold, of), fires(threshold+1, of))
			}
		}
	}
}

// checkPolicy wants what somebody who is woken by it needs.
func checkPolicy(t *testing.T, name string, a monitoring.Alert) {
	t.Helper()
	urgency := map[string]string{"CRITICAL": "page", "ERROR": "today", "WARNING": "ticket"}[a.Severity]
	s := a.AlertStrategy
	if urgency == "" || a.UserLabels["urgency"] != urgency || len(a.Documentation.Content) < 50 || len(a.Conditions) == 0 {
		t.Errorf("%s: severity %s, labels %v, text %q", name, a.Severity, a.UserLabels, a.Documentation.Content)
	}
	if len(a.NotificationChannels) != 1 || s.AutoClose == "" || len(s.NotificationChannelStrategy) != 1 || s.NotificationChannelStrategy[0].RenotifyInterval == "" || len(s.NotificationChannelStrategy[0].NotificationChannelNames) != 1 {
		t.Errorf("%s: channels %v, strategy %+v", name, a.NotificationChannels, s)
	}
	metrics, slos := monitoring.Names(t, "metrics"), monitoring.Names(t, "slos")
	for _, c := range a.Conditions {
		switch {
		case c.Prometheus != nil:
			if !c.Prometheus.DisableMetricValidation {
				t.Errorf("%s is refused until its metric has a first point", name)
			}
			for _, used := range metricsOf(c.Prometheus.Query) {
				if !slices.Contains(metrics, used) {
					t.Errorf("%s is about the metric %s, which is not there", name, used)
				}
			}
		case c.Threshold == nil:
			t.Errorf("%s: a condition of an unknown kind: %q", name, c.DisplayName)
		case strings.HasPrefix(c.Threshold.Filter, "select_slo"):
			m := regexp.MustCompile(`serviceLevelObjectives/([a-z0-9-]+)"`).FindStringSubmatch(c.Threshold.Filter)
			if m == nil || !slices.Contains(slos, m[1]) {
				t.Errorf("%s is about a service level that is not there: %s", name, c.Threshold.Filter)
			}
		}
	}
}

// promName is a metric of ours in PromQL; a distribution has three.
var promName = regexp.MustCompile(`logging_googleapis_com:user_gemini_webhook_([a-z_]+)`)

// metricsOf are the names of our metrics in a query.
func metricsOf(query string) (names []string) {
	for _, m := range promName.FindAllStringSubmatch(query, -1) {
		name := m[1]
		for _, suffix := range []string{"_sum", "_count", "_bucket"} {
			name = strings.TrimSuffix(name, suffix)
		}
		names = append(names, strings.ReplaceAll(name, "_", "-"))
	}
	return names
}

// TestServiceLevels: what they are measured by is there, and that of three days is that
// of 28 but for its time.
func TestServiceLevels(t *testing.T) {
	t.Parallel()
	used := regexp.MustCompile(`logging\.googleapis\.com/user/\$\{name\}-([a-z-]+)`)
	metrics := monitoring.Names(t, "metrics")
	for _, name := range monitoring.Names(t, "slos") {
		var slo map[string]any
		monitoring.Read(t, "slos/"+name+".json", &slo)
		if slo["rollingPeriod"] != map[bool]string{false: "2419200s", true: "259200s"}[strings.HasSuffix(name, "-3-days")] {
			t.Errorf("%s: over %v", name, slo["rollingPeriod"])
		}
		for _, m := range used.FindAllStringSubmatch(readFile(t, "terraform/monitoring/slos/"+name+".json"), -1) {
			if !slices.Contains(metrics, m[1]) {
				t.Errorf("%s is about the metric %s, which is not there", name, m[1])
			}
		}
		if long, ok := strings.CutSuffix(name, "-3-days"); ok {
			var other map[string]any
			monitoring.Read(t, "slos/"+long+".json", &other)
			if diff := cmp.Diff(other["serviceLevelIndicator"], slo["serviceLevelIndicator"]); diff != "" || other["goal"] != slo["goal"] {
				t.Errorf("%s is another than %s: %s", name, long, diff)
			}
		}
	}
}

// dashboard is a Dashboard as REST has it.
type dashboard struct {
	DisplayName  string
	MosaicLayout struct {
		Columns int
		Tiles   []dashboardTile
	}
}

type dashboardTile struct {
	XPos, YPos, Width, Height int
	Widget                    struct {
		Title        string
		Text         *struct{ Content string }
		IncidentList any
		LogsPanel    *struct{ Filter string }
		XYChart      *struct{ DataSets []dataSet }
	}
}

type dataSet struct {
	LegendTemplate  string
	TimeSeriesQuery struct {
		PrometheusQuery  string
		TimeSeriesFilter struct{ Filter string }
	}
}

// TestDashboard: tiles that do not overlap, with titles, about metrics that are there.
func TestDashboard(t *testing.T) {
	t.Parallel()
	var d dashboard
	monitoring.Read(t, "dashboard.json", &d)
	text := strings.ReplaceAll(readFile(t, "terraform/monitoring/dashboard.json"), "${prefix}", monitoring.Placeholders["prefix"])
	shown := metricsOf(text)
	for _, name := range monitoring.Names(t, "metrics") {
		if about := name == "door-due" || name == "door-kept" || name == "secret-age" || name == "running-jobs"; !about && !slices.Contains(shown, name) {
			t.Errorf("the dashboard does not show %s", name)
		}
	}
	for _, name := range shown {
		if !slices.Contains(monitoring.Names(t, "metrics"), name) {
			t.Errorf("the dashboard shows %s, which is not there", name)
		}
	}
	taken, texts := map[[2]int]string{}, 0
	for i, tile := range d.MosaicLayout.Tiles {
		if tile.Widget.Title == "" || tile.XPos+tile.Width > d.MosaicLayout.Columns {
			t.Errorf("tile %d: %+v", i, tile)
		}
		if tile.Widget.Text != nil {
			texts++
		}
		if i == 1 && tile.Widget.IncidentList == nil {
			t.Error("firing alerts do not come first")
		}
		for x := range tile.Width {
			for y := range tile.Height {
				place := [2]int{tile.XPos + x, tile.YPos + y}
				if other := taken[place]; other != "" {
					t.Fatalf("%s lies over %s", tile.Widget.Title, other)
				}
				taken[place] = tile.Widget.Title
			}
		}
	}
	if texts < 5 {
		t.Errorf("%d texts for whoever has never seen it", texts)
	}
}

// TestMonitoringIsDocumented: docs/monitoring.md names every alert, metric, service
// level and threshold, the latter with its default.
func TestMonitoringIsDocumented(t *testing.T) {
	t.Parallel()
	text := readFile(t, "docs/monitoring.md")
	for _, name := range monitoring.Names(t, "alerts") {
		runbook, _, _ := strings.Cut(name, ".")
		if !strings.Contains(text, "["+runbook+"](runbooks/"+runbook+".md)") {
			t.Errorf("docs/monitoring.md lacks the alert %s", runbook)
		}
	}
	for _, name := range append(monitoring.Names(t, "metrics"), "accepted", "complete", "fresh") {
		if !strings.Contains(text, "`"+name+"`") {
			t.Errorf("docs/monitoring.md lacks %s", name)
		}
	}
	for name, value := range monitoring.Values(t) {
		if _, open := monitoring.Placeholders[name]; !open && name != "rotation_hours" && !strings.Contains(text, "`"+name+"` "+value+" |") {
			t.Errorf("docs/monitoring.md lacks the threshold %s with its default %s", name, value)
		}
	}
}
