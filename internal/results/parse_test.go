package results

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/gemini-webhook/internal/outcome"
)

func TestParse(t *testing.T) {
	t.Parallel()
	const good = `{"candidates":[{"content":{"parts":[{"text":"Hi"}]},"finishReason":"STOP"}]}`
	succeeded := func(response string) Line {
		return Line{Status: outcome.StatusSucceeded, Text: "Hi", HasText: true, FinishReason: "STOP", Response: []byte(response)}
	}
	bare := func(response string) Line { return Line{Status: outcome.StatusSucceeded, Response: []byte(response)} }
	failed := func(e outcome.Error) Line { return Line{Status: outcome.StatusFailed, Error: &e} }
	with := func(l Line, set ...func(*Line)) Line {
		for _, f := range set {
			f(&l)
		}
		return l
	}
	key := func(k string) func(*Line) { return func(l *Line) { l.Key, l.HasKey = k, true } }
	request := func(r string) func(*Line) { return func(l *Line) { l.Request = []byte(r) } }
	failing := func(e outcome.Error) func(*Line) {
		return func(l *Line) { l.Status, l.Error = outcome.StatusFailed, &e }
	}
	unknown, notJSON := invalid(CodeUnknownShape), invalid(CodeNotJSON)

	for name, tc := range map[string]struct {
		line string
		want Line
	}{
		// The shapes.
		"key and response": {`{"key":"a","response":` + good + `}`, with(succeeded(good), key("a"))},
		"bare response":    {good, succeeded(good)},
		"bare response with space around it": {
			" \t" + good + " \r", succeeded(good),
		},
		"bare response with a key": {
			`{"key":"a","candidates":[]}`, with(bare(`{"key":"a","candidates":[]}`), key("a")),
		},
		"bare response beside response null": {
			`{"response":null,"candidates":[]}`, bare(`{"response":null,"candidates":[]}`),
		},
		"response with white space is kept as it is": {
			`{ "key" : "a" , "response" : { "modelVersion" : "m" } }`,
			with(bare(`{ "modelVersion" : "m" }`), key("a"), func(l *Line) { l.ModelVersion = "m" }),
		},
		"response of nothing":         {`{"key":"a","response":{}}`, with(bare(`{}`), key("a"))},
		"response of an embedding":    {`{"response":{"embedding":{"values":[0.1]}}}`, bare(`{"embedding":{"values":[0.1]}}`)},
		"key and error":               {`{"key":"a","error":{"code":429,"message":"slow down","status":"RESOURCE_EXHAUSTED"}}`, with(failed(outcome.Error{Code: "429", Message: "slow down", Status: "RESOURCE_EXHAUSTED"}), key("a"))},
		"key and status":              {`{"key":"a","status":{"code":3,"message":"bad"}}`, with(failed(outcome.Error{Code: "3", Message: "bad"}), key("a"))},
		"status without a code":       {`{"status":{"message":"bad"}}`, failed(outcome.Error{Message: "bad"})},
		"bare status":                 {`{"code":5,"message":"gone","status":"NOT_FOUND"}`, failed(outcome.Error{Code: "5", Message: "gone", Status: "NOT_FOUND"})},
		"bare status with a key":      {`{"key":"a","code":5,"message":"gone"}`, with(failed(outcome.Error{Code: "5", Message: "gone"}), key("a"))},
		"a code alone is no status":   {`{"code":5}`, unknown},
		"Vertex":                      {`{"request":{"contents":[]},"response":` + good + `,"status":""}`, with(succeeded(good), request(`{"contents":[]}`))},
		"Vertex, failed":              {`{"request":{"c":1},"response":{},"status":"Bad Request: no"}`, with(bare(`{}`), request(`{"c":1}`), failing(outcome.Error{Message: "Bad Request: no"}))},
		"Vertex, failed, no response": {`{"request":{"c":1},"status":"Bad Request"}`, with(failed(outcome.Error{Message: "Bad Request"}), request(`{"c":1}`))},
		"Vertex, neither":             {`{"request":{"c":1},"status":""}`, unknown},
		"escaped member names":        {`{"k\u0065y":"a","respons\u0065":{}}`, with(bare(`{}`), key("a"))},
		"names are matched exactly":   {`{"Key":"a","Response":{}}`, unknown},
		"inner members do not count":  {`{"x":{"key":"no","response":{}},"response":{"key":"no"}}`, bare(`{"key":"no"}`)},

		// Errors.
		"error beside response":              {`{"response":` + good + `,"error":{"code":13}}`, with(succeeded(good), failing(outcome.Error{Code: "13"}))},
		"error that is a text":               {`{"error":"quota"}`, failed(outcome.Error{Message: "quota"})},
		"error that is a text, and response": {`{"response":` + good + `,"error":"quota"}`, with(succeeded(good), failing(outcome.Error{Message: "quota"}))},
		"error that is a number":             {`{"error":500}`, failed(outcome.Error{Code: "500"})},
		"error true":                         {`{"error":true}`, failed(outcome.Error{Message: "true"})},
		"error of unknown members":           {`{"error":{"reason":"x"}}`, failed(outcome.Error{Message: `{"reason":"x"}`})},
		"error that is a list":               {`{"error":[{"code":1}]}`, failed(outcome.Error{Message: `[{"code":1}]`})},
		"error code text":                    {`{"error":{"code":"quota","message":7}}`, failed(outcome.Error{Code: "quota", Message: "7"})},
		"error of odd types":                 {`{"error":{"code":[],"message":"m","status":{}}}`, failed(outcome.Error{Message: "m"})},
		"error with code 0 and message":      {`{"response":{},"error":{"code":0,"message":"m"}}`, with(bare(`{}`), failing(outcome.Error{Code: "0", Message: "m"}))},
		"error of OK beside a response":      {`{"response":` + good + `,"error":{"code":0}}`, succeeded(good)},
		"error {} beside a response":         {`{"response":` + good + `,"error":{}}`, succeeded(good)},
		"error null beside a response":       {`{"response":` + good + `,"error":null}`, succeeded(good)},
		"error wins over status":             {`{"error":"e","status":"s"}`, failed(outcome.Error{Message: "e"})},
		"error {} alone":                     {`{"key":"a","error":{}}`, with(Line{Status: outcome.StatusFailed}, key("a"))},
		"error of OK alone":                  {`{"error":{"code":0}}`, failed(outcome.Error{Code: "0"})},
		"error null alone":                   {`{"key":"a","error":null}`, with(unknown, key("a"))},
		"error beside a response of no object": {
			`{"response":"x","error":{"code":1}}`, failed(outcome.Error{Code: "1"}),
		},
		"status null":                  {`{"response":` + good + `,"status":null}`, succeeded(good)},
		"status OK":                    {`{"response":` + good + `,"status":{"code":0,"message":"fine"}}`, succeeded(good)},
		"status OK by name":            {`{"response":` + good + `,"status":{"code":"OK"}}`, succeeded(good)},
		"status OK without response":   {`{"key":"a","status":{"code":0}}`, with(unknown, key("a"))},
		"status of an unknown object":  {`{"response":` + good + `,"status":{"state":"DONE"}}`, succeeded(good)},
		"status that is a number":      {`{"response":` + good + `,"status":200}`, succeeded(good)},
		"status of white space":        {`{"response":` + good + `,"status":" "}`, succeeded(good)},
		"bad status beside a response": {`{"response":` + good + `,"status":{"code":8}}`, with(succeeded(good), failing(outcome.Error{Code: "8"}))},
		"code and message beside a response are the line's own": {
			`{"response":` + good + `,"code":5,"message":"m"}`, succeeded(good),
		},

		// Blocked prompts.
		"blocked": {
			`{"key":"a","response":{"promptFeedback":{"blockReason":"SAFETY"}}}`,
			with(bare(`{"promptFeedback":{"blockReason":"SAFETY"}}`), key("a"), failing(outcome.Error{Code: CodeBlocked, Message: "SAFETY"})),
		},
		"blocked, bare, explained": {
			`{"candidates":[],"promptFeedback":{"blockReason":"OTHER","blockReasonMessage":"no"}}`,
			with(bare(`{"candidates":[],"promptFeedback":{"blockReason":"OTHER","blockReasonMessage":"no"}}`),
				failing(outcome.Error{Code: CodeBlocked, Message: "OTHER: no"})),
		},
		"feedback without a reason": {`{"promptFeedback":{}}`, bare(`{"promptFeedback":{}}`)},
		"feedback beside a candidate": {
			`{"response":{"candidates":[{}],"promptFeedback":{"blockReason":"SAFETY"}}}`,
			bare(`{"candidates":[{}],"promptFeedback":{"blockReason":"SAFETY"}}`),
		},
		"blocked and error": {
			`{"response":{"promptFeedback":{"blockReason":"SAFETY"}},"error":"e"}`,
			with(bare(`{"promptFeedback":{"blockReason":"SAFETY"}}`), failing(outcome.Error{Message: "e"})),
		},

		// Keys.
		"key number":                {`{"key":12.50,"response":{}}`, with(bare(`{}`), key("12.50"))},
		"key object":                {`{"key":{"a": 1},"response":{}}`, with(bare(`{}`), key(`{"a": 1}`))},
		"key false":                 {`{"key":false,"response":{}}`, with(bare(`{}`), key("false"))},
		"key null":                  {`{"key":null,"response":{}}`, bare(`{}`)},
		"key empty":                 {`{"key":"","response":{}}`, with(bare(`{}`), key(""))},
		"key escaped":               {`{"key":"\u00e9\ud83d\ude00\ud800A\n","response":{}}`, with(bare(`{}`), key("é😀\uFFFDA\n"))},
		"the last key counts":       {`{"key":"a","response":{"x":1},"response":{},"key":"b"}`, with(bare(`{}`), key("b"))},
		"the last response is null": {`{"response":{"x":1},"response":null}`, unknown},
		"key not UTF-8":             {"{\"key\":\"a\xff\xfeb\",\"response\":{\"x\":\"\xc3\"}}", with(bare("{\"x\":\"\uFFFD\"}"), key("a\uFFFDb"))},
		"request null":              {`{"request":null,"response":{}}`, bare(`{}`)},
		"request text":              {`{"request":"r","response":{}}`, with(bare(`{}`), request(`"r"`))},

		// No known shape.
		"number":                     {`42`, unknown},
		"null":                       {`null`, unknown},
		"text":                       {`"key"`, unknown},
		"list":                       {`[` + good + `]`, unknown},
		"empty object":               {`{}`, unknown},
		"unknown members":            {`{"foo":1}`, unknown},
		"key only":                   {`{"key":"x"}`, with(unknown, key("x"))},
		"response null":              {`{"key":"x","response":null}`, with(unknown, key("x"))},
		"response text":              {`{"key":"x","response":"y"}`, with(unknown, key("x"))},
		"response list":              {`{"key":"x","response":[{}],"candidates":[]}`, with(unknown, key("x"))},
		"candidates null":            {`{"candidates":null}`, unknown},
		"key number of unknown line": {`{"key":7}`, with(unknown, key("7"))},

		// Not JSON.
		"empty":                         {``, notJSON},
		"words":                         {`upstream request timeout`, notJSON},
		"cut off":                       {`{"key":"x","response":{"candidates":[`, with(notJSON, key("x"))},
		"cut off in the key":            {`{"key":"x`, notJSON},
		"broken behind the key":         {`{"key":"x", response: {}}`, with(notJSON, key("x"))},
		"broken before the key":         {`{"response":{"a":tru},"key":"x"}`, notJSON},
		"two objects":                   {`{"key":"a","response":{}}{"key":"b","response":{}}`, notJSON},
		"trailing comma":                {`{"key":"a","response":{},}`, with(notJSON, key("a"))},
		"NaN":                           {`{"response":{"avgLogprobs":NaN}}`, notJSON},
		"single quotes":                 {`{'key':'a','response':{}}`, notJSON},
		"control character":             {"{\"key\":\"a\x01\",\"response\":{}}", notJSON},
		"byte order mark":               {bom + `{"response":{}}`, notJSON},
		"leading zero":                  {`{"key":"a","response":{"x":01}}`, with(notJSON, key("a"))},
		"NUL behind the line":           {"{\"response\":{}}\x00", notJSON},
		"white space of Unicode around": {"\u00a0{\"response\":{}}", notJSON},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tc.want, Parse([]byte(tc.line))); diff != "" {
				t.Errorf("Parse(%s) (-want +got):\n%s", tc.line, diff)
			}
		})
	}
}

// usage is a Usage of these counts, by name.
func usage(named map[string]int64) (u outcome.Usage) {
	for i, name := range outcome.TokenCounts {
		n, has := named[name]
		u.Tokens[i], u.Has[i] = n, has
	}
	return u
}

// What a response holds, and that odd types in it take nothing but themselves.
func TestParseResponse(t *testing.T) {
	t.Parallel()
	type want struct {
		Text                  string
		HasText               bool
		Reason, Version, Code string
		Usage                 outcome.Usage
	}
	for name, tc := range map[string]struct {
		response string
		want     want
	}{
		"parts are joined, thoughts left out": {
			`{"candidates":[{"content":{"parts":[{"text":"hm","thought":true},{"text":"a"},{"text":"b\n","thought":false},{"text":"c"}]}}]}`,
			want{Text: "ab\nc", HasText: true},
		},
		"only thoughts":            {`{"candidates":[{"content":{"parts":[{"text":"hm","thought":true}]}}]}`, want{}},
		"empty text":               {`{"candidates":[{"content":{"parts":[{"text":""}]}}]}`, want{HasText: true}},
		"only the first candidate": {`{"candidates":[{"finishReason":"STOP"},{"content":{"parts":[{"text":"b"}]},"finishReason":"X"}]}`, want{Reason: "STOP"}},
		"function call":            {`{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":{"text":"no"}}}]},"finishReason":"STOP"}]}`, want{Reason: "STOP"}},
		"text and inline data":     {`{"candidates":[{"content":{"parts":[{"inlineData":{"data":"AA=="}},{"text":"a"}]}}]}`, want{Text: "a", HasText: true}},
		"escapes":                  {`{"candidates":[{"content":{"parts":[{"text":"\u003cb\u003e \ud83d\ude00 \"q\" \\"}]}}]}`, want{Text: `<b> 😀 "q" \`, HasText: true}},
		"thought of an odd type":   {`{"candidates":[{"content":{"parts":[{"text":"a","thought":"true"}]}}]}`, want{Text: "a", HasText: true}},
		"text a number":            {`{"candidates":[{"content":{"parts":[{"text":1},{"text":"a"},{"text":null},null,7,[]]}}]}`, want{Text: "a", HasText: true}},
		"parts null":               {`{"candidates":[{"content":{"parts":null},"finishReason":"STOP"}]}`, want{Reason: "STOP"}},
		"parts an object":          {`{"candidates":[{"content":{"parts":{"text":"a"}}}]}`, want{}},
		"content a list":           {`{"candidates":[{"content":[{"parts":[]}],"finishReason":"STOP"}]}`, want{Reason: "STOP"}},
		"candidates an object":     {`{"candidates":{"0":1},"modelVersion":"m"}`, want{Version: "m"}},
		"candidates of numbers":    {`{"candidates":[1],"modelVersion":"m"}`, want{Version: "m"}},
		"odd reason and version":   {`{"candidates":[{"finishReason":1}],"modelVersion":[]}`, want{}},
		"odd feedback":             {`{"promptFeedback":[{"blockReason":"SAFETY"}]}`, want{}},
		"odd reason of feedback":   {`{"promptFeedback":{"blockReason":1}}`, want{}},
		"candidates null, blocked": {`{"candidates":null,"promptFeedback":{"blockReason":"SAFETY"}}`, want{Code: CodeBlocked}},
		"counts": {
			`{"usageMetadata":{"promptTokenCount":1,"candidatesTokenCount":2,"thoughtsTokenCount":3,"cachedContentTokenCount":4,"toolUsePromptTokenCount":5,"totalTokenCount":9007199254740993}}`,
			want{Usage: usage(map[string]int64{"prompt_tokens": 1, "candidates_tokens": 2, "thoughts_tokens": 3, "cached_tokens": 4, "tool_use_tokens": 5, "total_tokens": 9007199254740993})},
		},
		"some counts":     {`{"usageMetadata":{"promptTokenCount":0,"totalTokenCount":"12"}}`, want{Usage: usage(map[string]int64{"prompt_tokens": 0, "total_tokens": 12})}},
		"no counts":       {`{"usageMetadata":{"trafficType":"ON_DEMAND"}}`, want{}},
		"odd counts":      {`{"usageMetadata":{"promptTokenCount":-1,"candidatesTokenCount":1.5,"thoughtsTokenCount":1e400,"totalTokenCount":92233720368547758080}}`, want{}},
		"odder counts":    {`{"usageMetadata":{"promptTokenCount":null,"candidatesTokenCount":"x","thoughtsTokenCount":[1],"totalTokenCount":true}}`, want{}},
		"one good count":  {`{"usageMetadata":{"promptTokenCount":"","candidatesTokenCount":"\u0031","thoughtsTokenCount":"-3","totalTokenCount":7}}`, want{Usage: usage(map[string]int64{"total_tokens": 7})}},
		"usage of a list": {`{"usageMetadata":[1],"modelVersion":"m"}`, want{Version: "m"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			line := Parse([]byte(`{"key":"k","response":` + tc.response + `}`))
			got := want{line.Text, line.HasText, line.FinishReason, line.ModelVersion, "", line.Usage}
			if line.Error != nil {
				got.Code = line.Error.Code
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.response, diff)
			}
			if string(line.Response) != tc.response || line.Key != "k" || line.Status == outcome.StatusInvalid {
				t.Errorf("line = %+v, want a response %s with key k", line, tc.response)
			}
		})
	}
}

// Nesting is limited as in encoding/json, and costs neither the stack nor time.
func TestParseDepth(t *testing.T) {
	t.Parallel()
	for _, depth := range []int{9_998, 9_999, 10_000, 10_001, 1 << 20} {
		for _, pair := range [][2]string{{"[", "]"}, {`{"a":`, "}"}} {
			open, end := strings.Repeat(pair[0], depth), strings.Repeat(pair[1], depth)
			for _, raw := range []string{open, `{"response":{},"x":` + open + "1" + end + "}"} {
				want := outcome.StatusInvalid
				if json.Valid([]byte(raw)) {
					want = outcome.StatusSucceeded
				}
				line := Parse([]byte(raw))
				if line.Status != want || (line.Error != nil && line.Error.Code != CodeNotJSON) {
					t.Errorf("depth %d of %q: %s %v, want %s", depth, pair[0], line.Status, line.Error, want)
				}
			}
		}
	}
}

// The bytes passed on are the line's own, and appending to them leaves it alone.
func TestParseAliases(t *testing.T) {
	t.Parallel()
	raw := []byte(`{"request":{"a":1},"response":{"b":2},"key":"k"}`)
	before := bytes.Clone(raw)
	line := Parse(raw)
	if &line.Response[0] != &raw[bytes.Index(raw, []byte(`{"b"`))] || &line.Request[0] != &raw[bytes.Index(raw, []byte(`{"a"`))] {
		t.Error("Response and Request are copies, want sub-slices of the line")
	}
	_ = append(line.Response, "overwritten"...)
	_ = append(line.Request, "overwritten"...)
	if !bytes.Equal(raw, before) {
		t.Errorf("appending changed the line to %s", raw)
	}
	clear(raw)
	if line.Key != "k" {
		t.Errorf("key = %q after the buffer was used again, want k", line.Key)
	}
}

func TestInvalidLinesSayWhatToDo(t *testing.T) {
	t.Parallel()
	for _, code := range []string{CodeNotJSON, CodeUnknownShape, CodeLineTooLong} {
		if e := invalid(code).Error; e.Code != code || !strings.HasSuffix(e.Message, ".") {
			t.Errorf("invalid(%s) = %+v, want a sentence", code, e)
		}
	}
}

// Common lines are cheap: what they cost is their strings.
func TestParseAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector empties pools at random; run without -race")
	}
	line := commonLine()
	if got := testing.AllocsPerRun(200, func() { Parse(line) }); got > 7 {
		t.Errorf("Parse allocates %v times, want at most 7: key, text (2), its list, reason, version, usage", got)
	}
}
