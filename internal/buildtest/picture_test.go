package buildtest

import (
	"encoding/xml"
	"errors"
	"fmt"
	"html"
	"io"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"example.com/gemini-webhook/internal/buildtest/gendoc"
	"example.com/gemini-webhook/internal/buildtest/monitoring"
)

// TestPictureOfTheDashboard: docs/dashboard.svg is drawn from the dashboard's definition,
// and its figures from the lines that the receiver really writes.
func TestPictureOfTheDashboard(t *testing.T) {
	t.Parallel()
	var d dashboard
	monitoring.Read(t, "dashboard.json", &d)
	p := picture{t: t, entries: loggedEntries(t)}
	height := 0
	for _, tile := range d.MosaicLayout.Tiles {
		p.tile(tile)
		height = max(height, head+(tile.YPos+tile.Height)*rowHeight+gap)
	}
	svg := fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %[1]d %[2]d" width="%[1]d" height="%[2]d" font-family="Roboto, Arial, sans-serif" font-size="12" fill="#3c4043">
<title>%[3]s</title>
<rect width="%[1]d" height="%[2]d" fill="#f1f3f4"/>
<text x="16" y="28" font-size="18">%[3]s</text>
<text x="16" y="48" fill="#5f6368">Drawn from its definition. Figures: the log lines of a run of the end-to-end tests, each kind of line counted once; the real page shows them over time.</text>
%[4]s</svg>
`, d.MosaicLayout.Columns*columnWidth+gap, height, html.EscapeString(d.DisplayName), p.svg.String())
	for x := xml.NewDecoder(strings.NewReader(svg)); ; {
		if _, err := x.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	gendoc.File(t, "docs/dashboard.svg", svg)
}

// Sizes, in pixels. Fonts differ, so places for text are as for a wide one.
const (
	columnWidth, rowHeight = 25, 16
	head, gap              = 60, 8
	lineHeight, charWidth  = 15, 7
	labelWidth             = 165
)

var palette = []string{"#1a73e8", "#e52592", "#12a4af", "#e8710a", "#9334e6", "#7cb342"} // one a series

type picture struct {
	t       *testing.T
	entries []monitoring.Entry
	svg     strings.Builder

	// Of the tile that is drawn: where the next row goes, and where its place ends.
	title               string
	x, y, width, bottom int
}

// tile draws one with its title, and what its widget shows.
func (p *picture) tile(tile dashboardTile) {
	x, y := gap+tile.XPos*columnWidth, head+tile.YPos*rowHeight
	width, height := tile.Width*columnWidth-gap, tile.Height*rowHeight-gap
	w := tile.Widget
	p.title, p.x, p.y, p.width, p.bottom = w.Title, x+14, y+19, width-28, y+height-4
	fmt.Fprintf(&p.svg, `<rect x="%d" y="%d" width="%d" height="%d" rx="4" fill="#fff" stroke="#dadce0"/>`+"\n", x, y, width, height)
	p.text(p.x, y+17, "#202124", ` font-size="13" font-weight="500"`, w.Title)
	switch {
	case w.Text != nil:
		p.paragraphs("#3c4043", strings.NewReplacer("**", "", "`", "").Replace(w.Text.Content))
	case w.IncidentList != nil:
		p.table([]int{0, 110, 220, 560}, [][]string{{"State", "Severity", "Policy", "Incident"}, {"No incidents"}})
	case w.LogsPanel != nil:
		rows := [][]string{{"Severity", "Function", "Line"}}
		matches := monitoring.Filter(p.t, w.LogsPanel.Filter)
		for _, e := range p.entries {
			if matches(e) {
				severity, _ := e.Field("severity")
				function, _ := e.Field("resource.labels.service_name")
				message, _ := e.Field("jsonPayload.message")
				rows = append(rows, []string{severity, function, message})
			}
		}
		p.table([]int{0, 70, 240}, rows)
	case w.XYChart != nil:
		p.chart(w.XYChart.DataSets)
	default:
		p.t.Errorf("%s: how this widget looks is not known", w.Title)
	}
}

func (p *picture) text(x, y int, fill, more, text string) {
	if x+utf8.RuneCountInString(text)*charWidth > p.x+p.width+charWidth {
		p.t.Errorf("%s: %q is wider than the tile", p.title, text)
	}
	fmt.Fprintf(&p.svg, `<text x="%d" y="%d" fill="%s"%s>%s</text>`+"\n", x, y, fill, more, html.EscapeString(text))
}

// row goes on to the next line of text, which is to be within the tile.
func (p *picture) row(height int) int {
	if p.y += height; p.y > p.bottom {
		p.t.Errorf("%s: its content is higher than the tile", p.title)
	}
	return p.y
}

func (p *picture) paragraphs(fill, text string) {
	for paragraph := range strings.SplitSeq(text, "\n") {
		line := ""
		for _, word := range strings.Fields(paragraph) {
			if line != "" && len(line+" "+word)*charWidth > p.width {
				p.text(p.x, p.row(lineHeight), fill, "", line)
				line = ""
			}
			line = strings.TrimSpace(line + " " + word)
		}
		p.text(p.x, p.row(lineHeight), fill, "", line)
	}
}

// table draws rows whose columns start at these places; the first is the heading. What
// is too long is cut, as the page does.
func (p *picture) table(columns []int, rows [][]string) {
	for i, row := range rows {
		y, fill := p.row(lineHeight), "#3c4043"
		if i == 0 {
			fill = "#5f6368"
			fmt.Fprintf(&p.svg, `<path d="M%d %dh%d" stroke="#dadce0"/>`+"\n", p.x, y+6, p.width)
			p.y += 6
		}
		for j, cell := range row {
			end := p.width
			if j+1 < len(row) {
				end = columns[j+1]
			}
			p.text(p.x+columns[j], y, fill, "", cut(cell, end-columns[j]))
		}
	}
}

// cut is as much of a text as there is room for.
func cut(text string, width int) string {
	if fits := width / charWidth; len(text) > fits {
		return text[:fits-1] + "…"
	}
	return text
}

// chart draws a bar for each series, or says why there is none.
func (p *picture) chart(sets []dataSet) {
	var bars []bar
	for _, set := range sets {
		more, missing := p.bars(set)
		if missing != "" {
			p.paragraphs("#5f6368", "\n\n"+missing)
			return
		}
		bars = append(bars, more...)
	}
	most := 1.0
	for _, b := range bars {
		most = max(most, b.value)
	}
	for i, b := range bars {
		y := p.row(23)
		length := b.value / most * float64(p.width-labelWidth-3*charWidth)
		p.text(p.x, y, "#3c4043", "", cut(b.label, labelWidth))
		fmt.Fprintf(&p.svg, `<rect x="%d" y="%d" width="%.0f" height="14" fill="%s"/>`+"\n", p.x+labelWidth, y-11, length, palette[i%len(palette)])
		p.text(p.x+labelWidth+int(length)+6, y, "#3c4043", "", strconv.FormatFloat(b.value, 'g', -1, 64))
	}
}

type bar struct {
	label string
	value float64
}

var (
	sumQuery   = regexp.MustCompile(`^sum(?: by \(([a-z_, ]+)\) )?\(increase\(logging_googleapis_com:user_gemini_webhook_([a-z_]+)\{([^}]*)\}\[\d+m\]\)\)$`)
	isThere    = regexp.MustCompile(`([a-z_]+)!=""`)
	metricType = regexp.MustCompile(`metric\.type="([^"]+)"`)
	logOfCloud = regexp.MustCompile(`log_id\("(run\.googleapis\.com/(?:requests|varlog/system))"\)`)
)

// bars are what the lines make of a query: one for each value of the labels that it sums
// by. missing says where its figures come from, if not from lines.
func (p *picture) bars(set dataSet) (bars []bar, missing string) {
	query := set.TimeSeriesQuery.PrometheusQuery
	if filter := set.TimeSeriesQuery.TimeSeriesFilter.Filter; query == "" {
		if m := metricType.FindStringSubmatch(filter); m != nil {
			of, name := path.Split(m[1])
			return nil, "From Google's own metrics:\n" + of + "\n" + name
		}
		return nil, "From Cloud Monitoring:\nthe error budget of this service level"
	}
	if strings.HasPrefix(query, "histogram_quantile(") || strings.Contains(query, ") / sum(") {
		return nil, "A time, which differs from run to run:\nthe lines that are kept have none"
	}
	m := sumQuery.FindStringSubmatch(query)
	if m == nil {
		p.t.Fatalf("%s: what this query shows is not known: %s", p.title, query)
	}
	name := metricsOf(query)[0]
	var metric monitoring.Metric
	monitoring.Read(p.t, "metrics/"+name+".json", &metric)
	if m := logOfCloud.FindStringSubmatch(metric.Filter); m != nil {
		return nil, "From Cloud Run's own log:\n" + m[1]
	}
	sums := map[string]float64{}
	if m[1] == "" {
		sums[set.LegendTemplate] = 0 // a sum of nothing is shown
	}
	for _, point := range metric.Points(p.t, p.entries) {
		if slices.ContainsFunc(isThere.FindAllStringSubmatch(m[3], -1), func(label []string) bool { return point.Labels[label[1]] == "" }) {
			continue
		}
		label := set.LegendTemplate
		for _, by := range strings.Split(m[1], ", ") {
			label = strings.ReplaceAll(label, "{{"+by+"}}", point.Labels[by])
		}
		value := 1.0
		if strings.HasSuffix(m[2], "_sum") {
			var err error
			value, err = strconv.ParseFloat(point.Value, 64)
			must(p.t, err)
		}
		sums[label] += value
	}
	for _, label := range slices.Sorted(maps.Keys(sums)) {
		bars = append(bars, bar{label, sums[label]})
	}
	return bars, ""
}
