package buildtest

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

const securityModel = "docs/security-model.md"

// notTested is what a row of the model says where nothing shows its claim.
const notTested = "not tested"

// TestSecurityModelNamesItsTests looks up each test that the model names, in the
// file that it is said to be in, and wants one for each check and, for every
// other claim, one or the words "not tested".
func TestSecurityModelNamesItsTests(t *testing.T) {
	t.Parallel()
	rows := map[string]int{}
	for _, row := range tableRows(t, readFile(t, securityModel)) {
		claim, ok := row.cell["shown by"]
		if !ok {
			continue
		}
		rows[row.section]++
		named := referencesIn(claim)
		for _, r := range named {
			if !r.isThere(t) {
				t.Errorf("line %d names %s in %s, which is not there", row.line, r.name, r.file)
			}
		}
		switch {
		case len(named) > 0:
		case row.section == "Checks":
			t.Errorf("line %d: a check names its test as `file`: `TestName`", row.line)
		case !strings.HasPrefix(claim, notTested):
			t.Errorf("line %d: a claim names its test as `file`: `TestName`, or says %q and why", row.line, notTested)
		}
	}
	for _, section := range []string{"Who can reach what", "Checks", "What is left", "Time to revoke"} {
		if rows[section] == 0 {
			t.Errorf("the section %q has no table with a column \"shown by\"", section)
		}
	}
}

// TestSecurityModelNamesNoTestElsewhere: a test that is named outside the
// columns above would be looked up by nobody in its file.
func TestSecurityModelNamesNoTestElsewhere(t *testing.T) {
	t.Parallel()
	text := readFile(t, securityModel)
	for i, line := range strings.Split(text, "\n") {
		all := regexp.MustCompile("`((?:Test|Fuzz|Benchmark)[A-Z]\\w*)`").FindAllString(line, -1)
		if got := len(referencesIn(line)); len(all) > got {
			t.Errorf("line %d: %d of %d tests do not stand behind their file", i+1, len(all)-got, len(all))
		}
	}
}

// TestSecurityModelLimits holds the limits that the model tells to the code.
func TestSecurityModelLimits(t *testing.T) {
	t.Parallel()
	found := 0
	for _, row := range tableRows(t, readFile(t, securityModel)) {
		cell, ok := row.cell["in the code"]
		if !ok {
			continue
		}
		all := regexp.MustCompile("`([^`]+)`: `([^`]+)`").FindAllStringSubmatch(cell, -1)
		if len(all) == 0 {
			t.Errorf("line %d: a limit names its place as `file`: `text of the code`", row.line)
		}
		for _, m := range all {
			found++
			code := strings.Join(strings.Fields(readFile(t, m[1])), " ")
			if !strings.Contains(code, strings.Join(strings.Fields(m[2]), " ")) {
				t.Errorf("line %d: %s does not say %q", row.line, m[1], m[2])
			}
		}
	}
	if found == 0 {
		t.Error("no table has a column \"in the code\"")
	}
}

// TestSecurityModelArithmetic multiplies and adds up what a flood costs.
func TestSecurityModelArithmetic(t *testing.T) {
	t.Parallel()
	sums, totals := map[string]float64{}, map[string]string{}
	columns := [][2]string{{"usual", "usual $"}, {"worst", "worst $"}}
	for _, row := range tableRows(t, readFile(t, securityModel)) {
		price, ok := row.cell["price $"]
		if !ok {
			continue
		}
		for _, c := range columns {
			amount, cost := row.cell[c[0]], row.cell[c[1]]
			if price == "" {
				totals[c[1]] = cost
				continue
			}
			product := number(t, row.line, amount) * number(t, row.line, price)
			if math.Abs(product-number(t, row.line, cost)) > 0.0051 {
				t.Errorf("line %d: %s times %s is %.3f, not %s", row.line, amount, price, product, cost)
			}
			sums[c[1]] += number(t, row.line, cost)
		}
	}
	for _, c := range columns {
		if want := fmt.Sprintf("%.2f", sums[c[1]]); totals[c[1]] != want || sums[c[1]] == 0 {
			t.Errorf("the column %q adds up to %s, not %q", c[1], want, totals[c[1]])
		}
	}
}

func number(t *testing.T, line int, text string) float64 {
	t.Helper()
	n, err := strconv.ParseFloat(strings.ReplaceAll(text, ",", ""), 64)
	if err != nil {
		t.Errorf("line %d: %q is no number", line, text)
	}
	return n
}

// row is a line of a Markdown table.
type row struct {
	section string // the heading above
	line    int
	cell    map[string]string // by the table's header
}

func tableRows(t *testing.T, text string) []row {
	t.Helper()
	var rows []row
	var section string
	var header []string
	for i, line := range strings.Split(text, "\n") {
		if heading, ok := strings.CutPrefix(line, "## "); ok {
			section = heading
		}
		if !strings.HasPrefix(line, "|") {
			header = nil
			continue
		}
		values := strings.Split(strings.Trim(line, "|"), "|")
		for k := range values {
			values[k] = strings.TrimSpace(values[k])
		}
		switch {
		case header == nil:
			header = values
			continue
		case strings.Trim(strings.Join(values, ""), "-") == "":
			continue
		}
		if len(values) != len(header) {
			t.Errorf("line %d has %d cells, its table %d columns", i+1, len(values), len(header))
			continue
		}
		r := row{section: section, line: i + 1, cell: map[string]string{}}
		for k, name := range header {
			r.cell[name] = values[k]
		}
		rows = append(rows, r)
	}
	return rows
}

// reference is a test and the file that it is in.
type reference struct{ file, name string }

var (
	referenced = regexp.MustCompile("`([\\w./-]+(?:_test\\.go|\\.tftest\\.hcl))`: (`\\w+`(?:, `\\w+`)*)")
	quoted     = regexp.MustCompile("`(\\w+)`")
)

// referencesIn reads "`file`: `TestA`, `TestB`; `other`: `TestC`".
func referencesIn(text string) []reference {
	var all []reference
	for _, m := range referenced.FindAllStringSubmatch(text, -1) {
		for _, name := range quoted.FindAllStringSubmatch(m[2], -1) {
			all = append(all, reference{m[1], name[1]})
		}
	}
	return all
}

// isThere says whether the file has such a test, or such a run of Terraform's.
func (r reference) isThere(t *testing.T) bool {
	t.Helper()
	text, _ := os.ReadFile(filepath.Join(moduleRoot(t), r.file)) // of no file: there is no such test
	return regexp.MustCompile(`(?m)^(func |run ")` + r.name + `[("]`).Match(text)
}
