package monitoring

import (
	"cmp"
	"fmt"
	"go/constant"
	"go/token"
	"go/types"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// Alert is an AlertPolicy as REST has it.
type Alert struct {
	DisplayName   string
	Severity      string
	Combiner      string
	Conditions    []Condition
	Documentation struct {
		Content string
		Links   []struct{ DisplayName, URL string }
	}
	NotificationChannels []string
	AlertStrategy        struct {
		AutoClose                   string
		NotificationChannelStrategy []struct {
			NotificationChannelNames []string
			RenotifyInterval         string
		}
	}
	UserLabels map[string]string
}

// Condition is one of its conditions, of either kind that ours have.
type Condition struct {
	DisplayName string
	Threshold   *struct {
		Filter         string
		Comparison     string
		ThresholdValue float64
	} `json:"conditionThreshold"`
	Prometheus *struct {
		Query                   string
		DisableMetricValidation bool
	} `json:"conditionPrometheusQueryLanguage"`
}

// AlertOf is the alert of a name.
func AlertOf(t testing.TB, name string) (a Alert) {
	t.Helper()
	Read(t, "alerts/"+name+".json", &a)
	return a
}

// State is what an alert looks at. All of it counts as within each of its windows.
type State struct {
	Entries []Entry
	// Gauge is a metric of Pub/Sub, such as num_undelivered_messages, of a subscription.
	Gauge func(metric, subscription string) float64
}

// Fires says whether an alert fires in a state.
func (a Alert) Fires(t testing.TB, s State) bool {
	t.Helper()
	fire := 0
	for _, c := range a.Conditions {
		holds := false
		switch {
		case c.Prometheus != nil:
			holds = s.query(t, c.Prometheus.Query)
		case c.Threshold != nil:
			value := s.measure(t, c.Threshold.Filter)
			holds = c.Threshold.Comparison == "COMPARISON_GT" && value > c.Threshold.ThresholdValue ||
				c.Threshold.Comparison == "COMPARISON_LT" && value < c.Threshold.ThresholdValue
		}
		if holds {
			fire++
		}
	}
	if strings.HasPrefix(a.Combiner, "AND") {
		return fire == len(a.Conditions)
	}
	return fire > 0
}

var (
	increase = regexp.MustCompile(`sum(?: by \(([a-z, ]+)\) )?\(?\(?increase\(logging_googleapis_com:user_gemini_webhook_([a-z_]+)\{([^}]*)\}\[\w+\]\)\)`)
	matcher  = regexp.MustCompile(`(\w+)(=~|=)"([^"]*)"`)
	overTime = regexp.MustCompile(`min_over_time\(\((.*?)\)\[\w+:\w+\]\)`)
	selected = regexp.MustCompile(`^(select_slo_\w+)\("[^"]*/([a-z0-9-]+)"`)
	gauged   = regexp.MustCompile(`metric\.type ?= ?"pubsub\.googleapis\.com/subscription/(\w+)"`)
	labelled = regexp.MustCompile(`subscription_id ?= ?(?:one_of\()?((?:"[^"]+"(?:, )?)+)`)
)

// query evaluates the PromQL that our alerts are written in: sums of increases, compared
// by arithmetic, "unless" and "or vector(0)". A metric without points is 0.
func (s State) query(t testing.TB, text string) bool {
	t.Helper()
	text = overTime.ReplaceAllString(text, "$1")
	text = increase.ReplaceAllStringFunc(text, func(call string) string {
		m := increase.FindStringSubmatch(call)
		most := 0.0 // of several series: any above a threshold makes an alert fire
		for _, sum := range s.sums(t, m[2], m[3], m[1]) {
			most = max(most, sum)
		}
		return strconv.FormatFloat(most, 'f', 1, 64)
	})
	text = strings.ReplaceAll(text, " or vector(0)", "")
	left, right, _ := strings.Cut(text, " unless ")
	return truth(t, left) && !truth(t, cmp.Or(right, "false"))
}

// truth evaluates a comparison of numbers. What is divided by nothing has no value, and
// is not true.
func truth(t testing.TB, expression string) bool {
	t.Helper()
	v, err := types.Eval(token.NewFileSet(), nil, token.NoPos, expression)
	if err != nil && strings.Contains(err.Error(), "division by zero") {
		return false
	}
	if err != nil || v.Value == nil || v.Value.Kind() != constant.Bool {
		t.Fatalf("not known in a query: %s (%v)", expression, err)
	}
	return constant.BoolVal(v.Value)
}

// Sum adds up the points of a metric, named as PromQL does, whose labels match.
func (s State) Sum(t testing.TB, name, matchers string) float64 {
	t.Helper()
	return s.sums(t, name, matchers, "")[""]
}

// sums is Sum for each combination of the values of some labels, "a, b".
func (s State) sums(t testing.TB, name, matchers, by string) map[string]float64 {
	t.Helper()
	name, values := strings.CutSuffix(name, "_sum")
	name, _ = strings.CutSuffix(name, "_count")
	sums := map[string]float64{}
	for _, p := range MetricOf(t, strings.ReplaceAll(name, "_", "-")).Points(t, s.Entries) {
		if !matchesAll(p.Labels, matchers) {
			continue
		}
		group := ""
		if by != "" {
			for label := range strings.SplitSeq(by, ", ") {
				group += p.Labels[label] + "\n"
			}
		}
		n := 1.0
		if values {
			n = number(t, p.Value)
		}
		sums[group] += n
	}
	return sums
}

func number(t testing.TB, text string) float64 {
	t.Helper()
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func matchesAll(labels map[string]string, matchers string) bool {
	for _, m := range matcher.FindAllStringSubmatch(matchers, -1) {
		pattern := m[3]
		if m[2] == "=" {
			pattern = regexp.QuoteMeta(pattern)
		}
		if m[1] != "monitored_resource" && !regexp.MustCompile("^(?:"+pattern+")$").MatchString(labels[m[1]]) {
			return false
		}
	}
	return true
}

// measure is what a threshold is compared with: the largest of the gauges that a filter
// names, a burn rate, or what is left of a budget.
func (s State) measure(t testing.TB, filter string) (most float64) {
	t.Helper()
	if m := selected.FindStringSubmatch(filter); m != nil {
		used := s.burn(t, m[2])
		if m[1] == "select_slo_budget_fraction" {
			return 1 - used
		}
		return used
	}
	metric, subscriptions := gauged.FindStringSubmatch(filter), labelled.FindStringSubmatch(filter)
	if metric == nil || subscriptions == nil {
		t.Fatalf("not known in a condition: %s", filter)
	}
	for name := range strings.SplitSeq(subscriptions[1], ", ") {
		most = max(most, s.Gauge(metric[1], strings.Trim(name, `"`)))
	}
	return most
}

// slo is a ServiceLevelObjective as REST has it.
type slo struct {
	Goal      float64
	Indicator struct {
		RequestBased *struct {
			Ratio struct{ GoodServiceFilter, TotalServiceFilter string } `json:"goodTotalRatio"`
		}
		WindowsBased *struct {
			Mean struct {
				TimeSeries string
				Range      struct{ Max float64 }
			} `json:"metricMeanInRange"`
		}
	} `json:"serviceLevelIndicator"`
}

// burn is the share of what is bad, by the share that may be.
func (s State) burn(t testing.TB, name string) float64 {
	t.Helper()
	var o slo
	Read(t, "slos/"+name+".json", &o)
	bad := 0.0
	if w := o.Indicator.WindowsBased; w != nil {
		if s.measure(t, w.Mean.TimeSeries) > w.Mean.Range.Max {
			bad = 1
		}
	} else if total := s.counted(t, o.Indicator.RequestBased.Ratio.TotalServiceFilter); total > 0 {
		bad = 1 - s.counted(t, o.Indicator.RequestBased.Ratio.GoodServiceFilter)/total
	}
	return bad / (1 - o.Goal)
}

var ofMetric = regexp.MustCompile(`metric\.type="logging\.googleapis\.com/user/gemini-webhook-([a-z-]+)"`)

// counted is how many points of a metric a filter of Cloud Monitoring takes.
func (s State) counted(t testing.TB, filter string) float64 {
	t.Helper()
	m := ofMetric.FindStringSubmatch(filter)
	if m == nil {
		t.Fatalf("not known in a filter: %s", filter)
	}
	var labels []string
	for _, l := range regexp.MustCompile(`metric\.labels\.(\w+="[^"]*")`).FindAllStringSubmatch(filter, -1) {
		labels = append(labels, l[1])
	}
	return s.Sum(t, m[1], fmt.Sprint(labels))
}
