// Command benchtable reads the output of several runs of the benchmarks and
// prints what the design promises as a table: the medians over the runs, each
// ratio formed within a run. It judges nothing but by the aims in its rows, and
// fails only where a benchmark is missing.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/perf/benchfmt"
)

func main() {
	got, err := read(os.Stdin)
	if err == nil {
		err = write(os.Stdout, got)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "benchtable:", err)
		os.Exit(1)
	}
}

// runs are values by benchmark and unit, one of each run.
type runs map[metric][]float64

// metric is one value of a benchmark. Its name is without "Benchmark" and the
// number of processors; the unit is as package benchfmt writes it.
type metric struct{ benchmark, unit string }

func read(r io.Reader) (runs, error) {
	got := runs{}
	for in := benchfmt.NewReader(r, "standard input"); in.Scan(); {
		switch result := in.Result().(type) {
		case *benchfmt.SyntaxError:
			return nil, result
		case *benchfmt.Result:
			name := string(result.Name.Full())
			if i := strings.LastIndexByte(name, '-'); i >= 0 {
				name = name[:i]
			}
			for _, v := range result.Values {
				m := metric{name, v.Unit}
				got[m] = append(got[m], v.Value)
			}
		}
	}
	return got, nil
}

func write(w io.Writer, got runs) error {
	fmt.Fprintln(w, "| what | against | measured | result | aim | |")
	fmt.Fprintln(w, "|---|---|---|---|---|---|")
	for _, r := range rows {
		value, err := got.value(r)
		if err != nil {
			return err
		}
		measured, err := got.fill(r)
		if err != nil {
			return err
		}
		aim, verdict := "", ""
		if r.limit != 0 {
			aim, verdict = "at most "+number(r.limit)+r.unit, "met"
			if r.atLeast {
				aim = "at least " + number(r.limit) + r.unit
			}
			if r.atLeast && value < r.limit || !r.atLeast && value > r.limit {
				verdict = "**missed**"
			}
		}
		fmt.Fprintf(w, "| %s | %s | %s | %s | %s | %s |\n", r.what, r.against, measured, number(value)+r.unit, aim, verdict)
	}
	return nil
}

// value is the median of a row's metric, or of its ratio to the row's base.
func (r runs) value(of row) (float64, error) {
	values, err := r.get(of.metric)
	if err != nil || of.base == (metric{}) {
		return median(values), err
	}
	base, err := r.get(of.base)
	if err != nil {
		return 0, err
	}
	ratios := make([]float64, min(len(values), len(base)))
	for i := range ratios {
		ratios[i] = values[i] / base[i]
	}
	return median(ratios), nil
}

func (r runs) get(m metric) ([]float64, error) {
	values := r[m]
	if len(values) == 0 {
		return nil, fmt.Errorf("benchmark %s did not report %s", m.benchmark, m.unit)
	}
	return values, nil
}

// placeholder is a unit in a row's text.
var placeholder = regexp.MustCompile(`\{([^}]*)\}`)

// fill replaces each {unit} in a row's text by the median of that unit.
func (r runs) fill(of row) (text string, err error) {
	text = placeholder.ReplaceAllStringFunc(of.measured, func(unit string) string {
		values, missing := r.get(metric{of.metric.benchmark, strings.Trim(unit, "{}")})
		err = errors.Join(err, missing)
		return number(median(values))
	})
	return text, err
}

func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

// number has three digits, or all of an integer.
func number(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.3g", v)
}
