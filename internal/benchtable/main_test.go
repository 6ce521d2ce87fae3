package main

import (
	"fmt"
	"strings"
	"testing"
)

// output is what go test prints for every metric that the rows need.
func output(value func(run int, m metric) float64) string {
	var b strings.Builder
	for run := range 3 {
		for _, r := range rows {
			for _, m := range []metric{r.metric, r.base} {
				if m.benchmark == "" {
					continue
				}
				fmt.Fprintf(&b, "Benchmark%s-2 \t 1 \t %v %s", m.benchmark, value(run, m), strings.Replace(m.unit, "sec/op", "ns/op", 1))
				for _, unit := range placeholder.FindAllStringSubmatch(r.measured, -1) {
					if m == r.metric && unit[1] != m.unit {
						fmt.Fprintf(&b, "\t %v %s", 10*(run+1), unit[1])
					}
				}
				b.WriteString("\n")
			}
		}
	}
	return b.String()
}

func table(t *testing.T, input string) (string, error) {
	t.Helper()
	got, err := read(strings.NewReader(input))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	err = write(&b, got)
	return b.String(), err
}

func TestTable(t *testing.T) {
	t.Parallel()
	got, err := table(t, output(func(run int, m metric) float64 {
		switch m {
		case metric{"FanOut", "cpu-x"}:
			return []float64{1.5, 9, 1.7}[run] // the median is within the aim
		case metric{"FanOut", "rate-x"}:
			return 0.5
		case metric{"RS256/jwt", "sec/op"}:
			return []float64{300, 20, 100}[run]
		case metric{"RS256/bare", "sec/op"}:
			return []float64{250, 10, 90}[run] // ratios 1.2, 2 and 1.11: by run, not of the medians
		}
		return 1
	}))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| 20.0 µs against 20.0 µs | 1.7 times | at most 2 times | met |",
		"| 20.0 against 20.0 | 0.5 times | at least 0.8 times | **missed** |",
		"| crypto/rsa alone |  | 1.2 times | at most 1.3 times | met |",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}

func TestMissingBenchmark(t *testing.T) {
	t.Parallel()
	for _, r := range rows {
		name := "Benchmark" + r.metric.benchmark + "-"
		var kept []string
		for line := range strings.Lines(output(func(int, metric) float64 { return 1 })) {
			if !strings.HasPrefix(line, name) {
				kept = append(kept, line)
			}
		}
		if _, err := table(t, strings.Join(kept, "")); err == nil || !strings.Contains(err.Error(), "did not report") {
			t.Errorf("without %s: %v", name, err)
		}
	}
}
