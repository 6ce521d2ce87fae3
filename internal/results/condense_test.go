package results

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"example.com/gemini-webhook/internal/outcome"
)

// randomLine makes lines of all shapes, with members in any order.
type randomLine struct {
	*rand.Rand
	small, large int // lengths of strings: of what is published whole, and of all else
}

func (r randomLine) one(of ...string) string { return of[r.IntN(len(of))] }

// text is the content of a string, of up to n bytes or a little more.
func (r randomLine) text(n int) string {
	var b strings.Builder
	for n = r.IntN(n + 1); b.Len() < n; {
		b.WriteString(r.one("a", strings.Repeat("b", r.IntN(n+1)), "é", "😀", `\n`, `\"`, `\\`, `\u00e9`, `\u0022`,
			`\ud83d\ude00`, `\uD83D\uDE00`, `\ud800`, `\ude00`, `\ud800\ud83d\ude00`, `\ud83d\n`, "\xff", "\xe2\x80", "\xf0\x9f\x98", "[{", "]},"))
	}
	return b.String()
}

func (r randomLine) short() string { return `"` + r.text(r.small) + `"` }
func (r randomLine) long() string  { return `"` + r.text(r.large) + `"` }

// object has some of the members, in any order; those behind the first some are
// left out at random.
func (r randomLine) object(always int, members ...string) string {
	var kept []string
	for i, m := range members {
		if i < always || r.IntN(3) == 0 {
			kept = append(kept, m)
		}
	}
	r.Shuffle(len(kept), func(i, j int) { kept[i], kept[j] = kept[j], kept[i] })
	return "{" + strings.Join(kept, r.one(",", " , ")) + "}"
}

func (r randomLine) part() string {
	return r.object(1, r.one(`"text":`+r.long(), `"text":`+r.long(), `"inlineData":{"data":`+r.long()+`}`, `"text":null`),
		`"thought":true`, `"thoughtSignature":`+r.long())
}

func (r randomLine) fault() string {
	return r.object(1, `"code":`+r.one("3", `"INTERNAL"`, "0"), `"message":`+r.short(), `"status":"NOT_FOUND"`, `"details":[{"text":`+r.short()+`,"x":[1, 2]}]`)
}

func (r randomLine) response() string {
	return r.object(1,
		r.one(
			`"candidates":[`+r.object(1, `"content":{"parts":[`+r.part()+`,`+r.part()+`]}`, `"finishReason":"STOP"`, `"finishMessage":`+r.short(), `"finish_reason":"PROHIBITED_CONTENT_THAT_IS_LONGER_THAN_WHAT_IS_KEPT_OF_OTHERS"`)+`]`,
			`"promptFeedback":`+r.object(1, `"blockReason":"SAFETY"`, `"blockReasonMessage":`+r.short()),
			`"embedding":{"values":[0.5]}`,
			`"choices":[{"message":`+r.object(1, `"content":`+r.long(), `"refusal":`+r.short())+`,"finish_reason":"stop"}]`,
			`"response":{"candidates":[{"content":{"parts":[`+r.part()+`]}}]}`,
			`"x":`+r.long()),
		`"usageMetadata":{"promptTokenCount":8,"totalTokenCount":"9","x":`+r.short()+`}`, `"modelVersion":"gemini"`,
		`"x":[`+r.long()+`,{"y":`+r.long()+`}]`, `"error":`+r.fault())
}

// quoted is a JSON text as a string.
func (r randomLine) quoted(text string) string {
	var b strings.Builder
	if r.IntN(2) == 0 {
		text = strings.ReplaceAll(text, "😀", `\ud83d\ude00`) // stays as it is below
	}
	for i, c := range []byte(text) {
		switch {
		case c == '\\' && strings.HasPrefix(text[i:], `\ud83d\ude00`), c == '\\' && i >= 6 && strings.HasPrefix(text[i-6:], `\ud83d\ude00`):
			b.WriteByte(c)
		case c >= 0x80 || c != '"' && c != '\\' && r.IntN(50) > 0:
			b.WriteByte(c)
		case r.IntN(2) == 0:
			fmt.Fprintf(&b, `\u%04x`, c)
		default:
			fmt.Fprintf(&b, `\u%04X`, c)
		}
	}
	return `"` + b.String() + `"`
}

func (r randomLine) line() string {
	response := r.response()
	shape := r.one(
		`"response":`+response, `"response":`+response, `"response":`+r.quoted(response), `"response":`+r.long(),
		`"response":{"status_code":200,"body":`+response+`}`, response[1:len(response)-1],
		`"predictions":[{"embeddings":{"values":[1],"statistics":{"token_count":4}},"x":`+r.long()+`}]`,
		`"error":`+r.fault(), `"status":"Bad: {\"code\":4}"`, `"x":1`)
	line := r.object(1, shape, `"key":"k`+r.text(20)+`"`, `"custom_id":"`+r.text(20)+`"`, `"metadata":`+r.object(0, `"key":"m"`, `"x":`+r.short()),
		`"request":{"contents":`+r.long()+`}`, `"status":""`, `"error":`+r.fault(), `"note":`+r.short(), `"r\u0065sponse":null`)
	if r.IntN(8) == 0 && len(line) > 2 { // broken
		at := 1 + r.IntN(len(line)-1)
		line = r.one(line[:at], line[:at]+r.one("\x01", `"`, `\q`, `\u12g4`, "]", "{", "")+line[at:], line+line, line+"]")
	}
	return strings.ReplaceAll(line, "\n", " ")
}

// scanOne reads the only line of an object.
func scanOne(t *testing.T, object string, limit int, wrap wrapper) RawLine {
	t.Helper()
	s := NewScanner(wrap(strings.NewReader(object)), 0, math.MaxInt64, int64(len(object)), int64(limit))
	if !s.Scan() {
		t.Fatalf("no line: %v", s.Err())
	}
	line := s.Line()
	line.Data = bytes.Clone(line.Data)
	if s.Scan() || s.Err() != nil || line.Offset != 0 || line.Length != int64(len(object)-1) {
		t.Fatalf("a line at %d of %d bytes, error %v, of an object of %d", line.Offset, line.Length, s.Err(), len(object))
	}
	return line
}

func randomChunks(r *rand.Rand) wrapper {
	return func(in io.Reader) io.Reader {
		return readerFunc(func(p []byte) (int, error) { return in.Read(p[:min(len(p), 1+r.IntN(1+r.IntN(1000)))]) })
	}
}

// A line over the limit says what it would say under it, but for what is left out.
// Where the limit is small, what is published whole may be left out or cut, too.
func TestCondensedLinesSayTheSame(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name         string
		rounds       int
		small, large int
		limit        func(*rand.Rand) int
		exact        bool
	}{
		{"small", 6000, 100, 300, func(r *rand.Rand) int { return 40 + r.IntN(1000) }, false},
		{"common", 150, 300, 60_000, func(r *rand.Rand) int { return 35_000 + r.IntN(5000) }, true},
		{"large", 10, 1000, 500_000, func(r *rand.Rand) int { return 150_000 + r.IntN(1000) }, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(11, 12))
			long, cut, tooLong := 0, 0, 0
			for range test.rounds {
				line := randomLine{r, test.small, test.large}.line() + "\n"
				limit := test.limit(r)
				raw := scanOne(t, line, limit, plain)
				if raw.condensed == nil {
					continue
				}
				long++
				if again := scanOne(t, line, limit, randomChunks(r)); !equal(raw.condensed, again.condensed) {
					t.Fatalf("%.500q, limit %d: in other pieces (-one +pieces):\n%s", line, limit, diffLines([]RawLine{raw}, []RawLine{again}))
				}
				want, got := scanOne(t, line, math.MaxInt32, plain).Parse(), raw.Parse()
				if n := len(raw.condensed.data); n > limit {
					t.Fatalf("%d bytes kept, limit %d", n, limit)
				}
				if got.TextCut {
					cut++
				}
				if got.Status == outcome.StatusInvalid && got.Error.Code == CodeLineTooLong {
					tooLong++
					if test.exact && want.Status != outcome.StatusInvalid || got.HasKey && got.Key != want.Key && want.Status != outcome.StatusInvalid {
						t.Fatalf("%.500q, limit %d: %s, want %s", line, limit, tell(got), tell(want))
					}
					continue
				}
				if diff := difference(want, got, test.exact && len(want.Extra) < limit/4); diff != "" {
					t.Fatalf("%.1000q, limit %d, kept %.1000q (-whole +condensed):\n%s", line, limit, raw.condensed.data, diff)
				}
			}
			t.Logf("%d lines over the limit, of %d the text is cut, %d are too long even so", long, cut, tooLong)
			if long < test.rounds/20 || cut < long/50 {
				t.Error("the lines do not test what they should")
			}
		})
	}
}

// difference compares a condensed line with the whole one.
func difference(want, got Line, exact bool) string {
	if got.ResponseOmitted != (len(want.Response)+len(want.Request) > 0) {
		return "response omitted: " + fmt.Sprint(got.ResponseOmitted)
	}
	want.Response, want.Request, want.ResponseOmitted = nil, nil, got.ResponseOmitted
	if got.TextCut && strings.HasPrefix(want.Text, got.Text) {
		want.Text, want.TextCut = got.Text, true
	}
	if want.Status == outcome.StatusInvalid && (!want.HasKey || !got.HasKey) { // how far it is looked for differs
		want.Key, want.HasKey = got.Key, got.HasKey
	}
	if bytes.Contains(want.Extra, []byte(`"response":`)) && got.ExtraOmitted { // a text of no JSON
		exact = false
	}
	if !exact {
		if got.ExtraOmitted {
			want.Extra, want.ExtraOmitted = nil, true
		}
		if want.Error != nil && got.Error != nil {
			e := *want.Error
			if want.Error = &e; strings.HasPrefix(e.Message, got.Error.Message) {
				e.Message = got.Error.Message
			}
			if got.Error.Details == "" {
				e.Details = ""
			}
		}
	}
	return cmp.Diff(want, got)
}

func FuzzCondense(f *testing.F) {
	r := randomLine{rand.New(rand.NewPCG(13, 14)), 50, 200}
	for range 30 {
		f.Add([]byte(r.line()), uint16(100))
	}
	f.Fuzz(func(t *testing.T, text []byte, limit uint16) {
		if bytes.IndexByte(text, '\n') >= 0 || len(bytes.TrimSpace(text)) == 0 || bytes.HasPrefix(text, []byte(bom)) || bytes.HasSuffix(text, []byte("\r")) {
			return
		}
		line := string(text) + "\n"
		raw := scanOne(t, line, int(limit), plain)
		if raw.condensed == nil {
			return
		}
		if again := scanOne(t, line, int(limit), iotest.OneByteReader); !equal(raw.condensed, again.condensed) {
			t.Fatalf("in other pieces: %q and %q", raw.condensed.data, again.condensed.data)
		}
		got := raw.Parse()
		if got.Error != nil && got.Error.Code == CodeLineTooLong {
			return
		}
		if diff := difference(Parse(text), got, false); diff != "" {
			t.Fatalf("kept %q (-whole +condensed):\n%s", raw.condensed.data, diff)
		}
	})
}
