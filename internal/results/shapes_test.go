package results

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/gemini-webhook/internal/outcome"
)

const good = `{"candidates":[{"content":{"parts":[{"text":"Hi"}]},"finishReason":"STOP"}]}`

// tell writes a line in one row: its status, and each member that it has, with GOOD
// for the response of that name.
func tell(l Line) string {
	words := []string{l.Status}
	add := func(has bool, name, value string) {
		if has {
			words = append(words, name+"="+value)
		}
	}
	add(l.HasKey, "key", l.Key)
	add(l.HasIndex, "index", fmt.Sprint(l.Index))
	add(l.HasText, "text", l.Text)
	add(l.FinishReason != "", "reason", l.FinishReason)
	add(l.ModelVersion != "", "model", l.ModelVersion)
	for i, name := range outcome.TokenCounts {
		add(l.Usage.Has[i] || l.Usage.Tokens[i] != 0, strings.TrimSuffix(name, "_tokens"), fmt.Sprint(l.Usage.Tokens[i]))
	}
	if e := l.Error; e != nil {
		add(e.Code != "", "code", e.Code)
		standard := l.Status == outcome.StatusInvalid || strings.HasPrefix(e.Message, "The response has no content")
		add(e.Message != "" && !standard, "message", e.Message)
		add(e.Status != "", "status", e.Status)
		add(e.Details != "", "details", e.Details)
	}
	add(len(l.Response) > 0, "response", strings.ReplaceAll(string(l.Response), good, "GOOD"))
	add(len(l.Request) > 0, "request", string(l.Request))
	add(len(l.Extra) > 0, "extra", string(l.Extra))
	add(l.ExtraOmitted, "extra", "omitted")
	add(l.ResponseOmitted, "response", "omitted")
	add(l.TextCut, "text", "cut")
	return strings.Join(words, " ")
}

// What a line with GOOD in the place of a good response is read as.
var shapes = []struct{ name, line, want string }{
	// Gemini's file batches.
	{"key and response", `{"key":"a","response":GOOD}`, `succeeded key=a text=Hi reason=STOP response=GOOD`},
	{"white space is kept", ` { "key" : "a" , "response" : { "modelVersion" : "m" } } `, `failed key=a model=m code=no_content response={ "modelVersion" : "m" }`},
	{"escaped names", `{"k\u0065y":"a","respons\u0065":GOOD}`, `succeeded key=a text=Hi reason=STOP response=GOOD`},
	{"names are matched exactly", `{"Key":"a","Response":{}}`, `invalid code=unknown_shape extra={"Key":"a","Response":{}}`},
	{"inner members do not count", `{"x":{"key":"no","response":{}},"response":GOOD}`, `succeeded text=Hi reason=STOP response=GOOD extra={"x":{"key":"no","response":{}}}`},
	{"snake case", `{"key":"a","response":{"candidates":[{"content":{"parts":[{"text":"Hi"},{"text":"x","thought":true}]},"finish_reason":"STOP"}],"usage_metadata":{"prompt_token_count":1,"candidates_token_count":2,"thoughts_token_count":3,"cached_content_token_count":4,"tool_use_prompt_token_count":5,"total_token_count":6},"model_version":"m"}}`,
		`succeeded key=a text=Hi reason=STOP model=m prompt=1 candidates=2 thoughts=3 cached=4 tool_use=5 total=6 response={"candidates":[{"content":{"parts":[{"text":"Hi"},{"text":"x","thought":true}]},"finish_reason":"STOP"}],"usage_metadata":{"prompt_token_count":1,"candidates_token_count":2,"thoughts_token_count":3,"cached_content_token_count":4,"tool_use_prompt_token_count":5,"total_token_count":6},"model_version":"m"}`},
	{"error", `{"key":"a","error":{"code":429,"message":"slow","status":"RESOURCE_EXHAUSTED","details":[ {"@type":"t"} ]}}`, `failed key=a code=429 message=slow status=RESOURCE_EXHAUSTED details=[ {"@type":"t"} ]`},
	{"status", `{"key":"a","status":{"code":3,"message":"bad"}}`, `failed key=a code=3 message=bad`},
	{"status without a code", `{"status":{"message":"bad"}}`, `failed message=bad`},

	// A bare response, a bare status.
	{"bare", `GOOD`, `succeeded text=Hi reason=STOP response=GOOD`},
	{"bare, space around", " \tGOOD \r", `succeeded text=Hi reason=STOP response=GOOD`},
	{"bare with all that is a response's", `{"candidates":[],"promptFeedback":{},"usageMetadata":{},"modelVersion":"m","responseId":"r","createTime":"t"}`,
		`failed model=m code=no_content response={"candidates":[],"promptFeedback":{},"usageMetadata":{},"modelVersion":"m","responseId":"r","createTime":"t"}`},
	{"bare with a key and more", `{"key":"a","custom_id":"b","candidates":[]}`, `failed key=a code=no_content response={"key":"a","custom_id":"b","candidates":[]} extra={"custom_id":"b"}`},
	{"bare beside response null", `{"response":null,"candidates":[]}`, `failed code=no_content response={"response":null,"candidates":[]}`},
	{"bare embedding", `{"embedding":{"values":[0.1]}}`, `succeeded response={"embedding":{"values":[0.1]}}`},
	{"bare embeddings", `{"embeddings":[{"values":[0.1],"statistics":{"tokenCount":4}},{"values":[1]}]}`, `succeeded prompt=4 response={"embeddings":[{"values":[0.1],"statistics":{"tokenCount":4}},{"values":[1]}]}`},
	{"bare status", `{"code":5,"message":"gone","status":"NOT_FOUND","details":[1]}`, `failed code=5 message=gone status=NOT_FOUND details=[1]`},
	{"bare status with a key", `{"key":"a","code":5,"message":"gone","x":1}`, `failed key=a code=5 message=gone extra={"x":1}`},
	{"a code alone is no status", `{"code":5}`, `invalid code=unknown_shape extra={"code":5}`},
	{"code and message beside a response are the line's own", `{"response":GOOD,"code":5,"message":"m"}`, `succeeded text=Hi reason=STOP response=GOOD extra={"code":5,"message":"m"}`},

	// Vertex AI.
	{"Vertex", `{"status":"","processed_time":"t","request":{"contents":[]},"response":GOOD}`, `succeeded text=Hi reason=STOP response=GOOD request={"contents":[]} extra={"processed_time":"t"}`},
	{"Vertex, failed", `{"request":{"c":1},"response":{},"status":"Bad Request: no"}`, `failed message=Bad Request: no response={} request={"c":1}`},
	{"Vertex, failed, no response", `{"request":{"c":1},"status":"Bad Request"}`, `failed message=Bad Request request={"c":1}`},
	{"Vertex, neither", `{"request":{"c":1},"status":""}`, `invalid code=unknown_shape request={"c":1}`},
	{"status OK", `{"response":GOOD,"status":"OK"}`, `succeeded text=Hi reason=STOP response=GOOD`},
	{"status SUCCEEDED", `{"response":GOOD,"status":"SUCCEEDED"}`, `succeeded text=Hi reason=STOP response=GOOD`},
	{"status of white space", `{"response":GOOD,"status":" "}`, `succeeded text=Hi reason=STOP response=GOOD`},
	{"status is JSON", `{"status":"{\"code\":8,\"message\":\"quota\",\"status\":\"RESOURCE_EXHAUSTED\"}"}`, `failed code=8 message=quota status=RESOURCE_EXHAUSTED`},
	{"status has JSON", `{"status":"Bad Request: {\"error\": {\"code\": 400, \"message\": \"m\", \"status\": \"S\", \"details\": [{}]}}"}`, `failed code=400 message=m status=S details=[{}]`},
	{"status has braces and JSON", `{"status":"{x} {\"y\":1} {\"code\":4}"}`, `failed code=4 message={x} {"y":1} {"code":4}`},
	{"status has other JSON", `{"status":"no {\"x\":1}"}`, `failed message=no {"x":1}`},
	{"response a text", `{"request":{},"status":"","response":"{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\\nb\"}]}}]}"}`,
		`succeeded text=a` + "\n" + `b response="{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\\nb\"}]}}]}" request={}`},
	{"response a text of no object", `{"key":"x","response":"y"}`, `invalid key=x code=unknown_shape extra={"response":"y"}`},
	{"response a text of a list", `{"key":"x","response":"[{}]"}`, `invalid key=x code=unknown_shape extra={"response":"[{}]"}`},
	{"response a broken text", `{"key":"x","response":"{\"a\":"}`, `invalid key=x code=unknown_shape extra={"response":"{\"a\":"}`},
	{"response an empty text", `{"key":"x","response":"","error":"e"}`, `failed key=x message=e extra={"response":""}`},
	{"embeddings", `{"instance":{"content":"c"},"predictions":[{"embeddings":{"statistics":{"token_count":8,"truncated":false},"values":[-0.1]}}],"status":""}`,
		`succeeded prompt=8 response=[{"embeddings":{"statistics":{"token_count":8,"truncated":false},"values":[-0.1]}}] request={"content":"c"}`},
	{"embeddings of several", `{"instance":1,"predictions":[{"embeddings":{"statistics":{"token_count":"8"}}},{"textEmbedding":[0.5]},{"embeddings":{"statistics":{"token_count":2.0}}}],"status":"","x":1}`,
		`succeeded prompt=10 response=[{"embeddings":{"statistics":{"token_count":"8"}}},{"textEmbedding":[0.5]},{"embeddings":{"statistics":{"token_count":2.0}}}] request=1 extra={"x":1}`},
	{"predictions without embeddings", `{"instance":{},"predictions":[{}],"status":""}`, `failed code=no_content response=[{}] request={}`},
	{"embeddings, failed", `{"instance":{},"predictions":[],"status":"quota"}`, `failed message=quota response=[] request={}`},
	{"predictions of no list", `{"instance":{},"predictions":{}}`, `invalid code=unknown_shape request={} extra={"predictions":{}}`},
	{"request and instance", `{"request":1,"instance":2,"response":GOOD}`, `succeeded text=Hi reason=STOP response=GOOD request=1 extra={"instance":2}`},
	{"request null", `{"request":null,"response":GOOD}`, `succeeded text=Hi reason=STOP response=GOOD`},
	{"request a text", `{"request":"r","response":GOOD}`, `succeeded text=Hi reason=STOP response=GOOD request="r"`},

	// Inline results.
	{"nested", `{"response":{"response":GOOD}}`, `succeeded text=Hi reason=STOP response={"response":GOOD}`},
	{"nested error", `{"response":{"error":{"code":8,"message":"m"},"response":{}}}`, `failed code=8 message=m response={"error":{"code":8,"message":"m"},"response":{}}`},
	{"error in the response", `{"response":{"error":{"code":8}}}`, `failed code=8 response={"error":{"code":8}}`},
	{"inline", `{"index":3,"metadata":{"key":"k","a":1},"response":GOOD}`, `succeeded key=k index=3 text=Hi reason=STOP response=GOOD extra={"metadata":{"key":"k","a":1}}`},
	{"inline error", `{"index":0,"error":{"code":8}}`, `failed index=0 code=8`},
	{"an index of one's own", `{"key":"a","index":3,"response":GOOD}`, `succeeded key=a text=Hi reason=STOP response=GOOD extra={"index":3}`},
	{"an index that is none", `{"index":-1,"response":GOOD}`, `succeeded text=Hi reason=STOP response=GOOD extra={"index":-1}`},

	// The OpenAI-compatible endpoint.
	{"completion", `{"id":"i","custom_id":"c","response":{"status_code":200,"body":{"model":"m","choices":[{"message":{"content":"hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}},"error":null}`,
		`succeeded key=c text=hi reason=stop model=m prompt=1 candidates=2 total=3 response={"status_code":200,"body":{"model":"m","choices":[{"message":{"content":"hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}} extra={"id":"i","custom_id":"c"}`},
	{"content in parts", `{"response":{"body":{"choices":[{"message":{"content":[{"type":"text","text":"a"},{"type":"x"},{"type":"text","text":"b"}]}}]}}}`,
		`succeeded text=ab response={"body":{"choices":[{"message":{"content":[{"type":"text","text":"a"},{"type":"x"},{"type":"text","text":"b"}]}}]}}`},
	{"tool calls", `{"response":{"status_code":200,"body":{"choices":[{"message":{"content":null,"tool_calls":[{"id":"t"}]},"finish_reason":"tool_calls"}]}}}`,
		`succeeded reason=tool_calls response={"status_code":200,"body":{"choices":[{"message":{"content":null,"tool_calls":[{"id":"t"}]},"finish_reason":"tool_calls"}]}}`},
	{"refusal", `{"response":{"status_code":200,"body":{"choices":[{"message":{"content":null,"tool_calls":[],"refusal":"no"},"finish_reason":"stop"}]}}}`,
		`failed reason=stop code=no_content message=no status=stop response={"status_code":200,"body":{"choices":[{"message":{"content":null,"tool_calls":[],"refusal":"no"},"finish_reason":"stop"}]}}`},
	{"empty content", `{"response":{"body":{"choices":[{"message":{"content":""},"finish_reason":"length"}]}}}`,
		`failed text= reason=length code=no_content status=length response={"body":{"choices":[{"message":{"content":""},"finish_reason":"length"}]}}`},
	{"empty content, stop", `{"response":{"body":{"choices":[{"message":{"content":""},"finish_reason":"stop"}]}}}`,
		`succeeded text= reason=stop response={"body":{"choices":[{"message":{"content":""},"finish_reason":"stop"}]}}`},
	{"embedding of the endpoint", `{"response":{"status_code":200,"body":{"data":[{"embedding":[0.1]}],"usage":{"promptTokens":3,"totalTokens":3}}}}`,
		`succeeded prompt=3 total=3 response={"status_code":200,"body":{"data":[{"embedding":[0.1]}],"usage":{"promptTokens":3,"totalTokens":3}}}`},
	{"embedding in base64", `{"response":{"body":{"data":[{"embedding":"AAA="}]}}}`, `succeeded response={"body":{"data":[{"embedding":"AAA="}]}}`},
	{"status code", `{"custom_id":"c","response":{"status_code":400,"body":{"error":{"code":400,"message":"m","status":"S"}}}}`,
		`failed key=c code=400 message=m status=S response={"status_code":400,"body":{"error":{"code":400,"message":"m","status":"S"}}} extra={"custom_id":"c"}`},
	{"status code, errors in a list", `{"response":{"status_code":429,"body":[{"error":{"code":429,"message":"m"}}]}}`, `failed code=429 message=m response={"status_code":429,"body":[{"error":{"code":429,"message":"m"}}]}`},
	{"status code, error in a list", `{"response":{"status_code":429,"body":{"error":[{"error":{"code":429}}]}}}`, `failed code=429 response={"status_code":429,"body":{"error":[{"error":{"code":429}}]}}`},
	{"status code, error a text", `{"response":{"status_code":500,"body":{"error":"boom"}}}`, `failed message=boom response={"status_code":500,"body":{"error":"boom"}}`},
	{"status code, body a text", `{"response":{"status_code":502,"body":"<html>"}}`, `failed code=502 message=<html> response={"status_code":502,"body":"<html>"}`},
	{"status code alone", `{"response":{"status_code":503}}`, `failed code=503 response={"status_code":503}`},
	{"error and answer", `{"response":{"status_code":200,"body":{"choices":[{"message":{"content":"a"}}],"error":{"code":1}}}}`, `failed text=a code=1 response={"status_code":200,"body":{"choices":[{"message":{"content":"a"}}],"error":{"code":1}}}`},
	{"status code below 400", `{"response":{"status_code":200,"body":{}}}`, `failed code=no_content response={"status_code":200,"body":{}}`},
	{"body is Gemini's", `{"response":{"status_code":200,"body":GOOD}}`, `succeeded text=Hi reason=STOP response={"status_code":200,"body":GOOD}`},

	// Errors.
	{"error beside response", `{"response":GOOD,"error":{"code":13}}`, `failed text=Hi reason=STOP code=13 response=GOOD`},
	{"error text", `{"error":"quota"}`, `failed message=quota`},
	{"error text beside response", `{"response":GOOD,"error":"quota"}`, `failed text=Hi reason=STOP message=quota response=GOOD`},
	{"error number", `{"error":500}`, `failed code=500`},
	{"error true", `{"error":true}`, `failed message=true`},
	{"error of unknown members", `{"error":{"reason":"x"}}`, `failed message={"reason":"x"}`},
	{"error list", `{"error":[{"code":1}]}`, `failed message=[{"code":1}]`},
	{"error nested", `{"error":{"error":{"code":1}}}`, `failed code=1`},
	{"error of texts and numbers", `{"error":{"code":"quota","message":7}}`, `failed code=quota message=7`},
	{"error of odd types", `{"error":{"code":[],"message":"m","status":{},"details":null}}`, `failed message=m`},
	{"error with details alone", `{"error":{"details":"d"}}`, `failed details="d"`},
	{"error code 0 and a message", `{"response":GOOD,"error":{"code":0,"message":"m"}}`, `failed text=Hi reason=STOP code=0 message=m response=GOOD`},
	{"error OK beside a response", `{"response":GOOD,"error":{"code":0}}`, `succeeded text=Hi reason=STOP response=GOOD`},
	{"error {} beside a response", `{"response":GOOD,"error":{}}`, `succeeded text=Hi reason=STOP response=GOOD`},
	{"error null beside a response", `{"response":GOOD,"error":null}`, `succeeded text=Hi reason=STOP response=GOOD`},
	{"error wins over status", `{"error":"e","status":"s"}`, `failed message=e`},
	{"error {} alone", `{"key":"a","error":{}}`, `failed key=a`},
	{"error OK alone", `{"error":{"code":0}}`, `failed code=0`},
	{"error null alone", `{"key":"a","error":null}`, `invalid key=a code=unknown_shape`},
	{"error beside a response of no object", `{"response":"x","error":{"code":1}}`, `failed code=1 extra={"response":"x"}`},
	{"status null", `{"response":GOOD,"status":null}`, `succeeded text=Hi reason=STOP response=GOOD`},
	{"status code OK", `{"response":GOOD,"status":{"code":0,"message":"fine"}}`, `succeeded text=Hi reason=STOP response=GOOD`},
	{"status OK by name", `{"response":GOOD,"status":{"code":"OK"}}`, `succeeded text=Hi reason=STOP response=GOOD`},
	{"status OK without response", `{"key":"a","status":{"code":0}}`, `invalid key=a code=unknown_shape`},
	{"status of an unknown object", `{"response":GOOD,"status":{"state":"DONE"}}`, `succeeded text=Hi reason=STOP response=GOOD extra={"status":{"state":"DONE"}}`},
	{"status number", `{"response":GOOD,"status":200}`, `succeeded text=Hi reason=STOP response=GOOD extra={"status":200}`},
	{"bad status beside a response", `{"response":GOOD,"status":{"code":8}}`, `failed text=Hi reason=STOP code=8 response=GOOD`},

	// Nothing to use.
	{"blocked", `{"key":"a","response":{"promptFeedback":{"blockReason":"SAFETY"}}}`, `failed key=a code=blocked message=SAFETY status=SAFETY response={"promptFeedback":{"blockReason":"SAFETY"}}`},
	{"blocked, bare, explained, snake case", `{"candidates":[],"prompt_feedback":{"block_reason":"OTHER","block_reason_message":"no"}}`,
		`failed code=blocked message=OTHER: no status=OTHER response={"candidates":[],"prompt_feedback":{"block_reason":"OTHER","block_reason_message":"no"}}`},
	{"feedback without a reason", `{"promptFeedback":{}}`, `failed code=no_content response={"promptFeedback":{}}`},
	{"feedback beside a candidate", `{"response":{"candidates":[{}],"promptFeedback":{"blockReason":"SAFETY"}}}`, `failed code=no_content response={"candidates":[{}],"promptFeedback":{"blockReason":"SAFETY"}}`},
	{"blocked and error", `{"response":{"promptFeedback":{"blockReason":"SAFETY"}},"error":"e"}`, `failed message=e response={"promptFeedback":{"blockReason":"SAFETY"}}`},
	{"response of nothing", `{"key":"a","response":{}}`, `failed key=a code=no_content response={}`},

	// Keys.
	{"key number", `{"key":12.50,"response":GOOD}`, `succeeded key=12.50 text=Hi reason=STOP response=GOOD`},
	{"key object", `{"key":{"a": 1},"response":GOOD}`, `succeeded key={"a": 1} text=Hi reason=STOP response=GOOD`},
	{"key false", `{"key":false,"response":GOOD}`, `succeeded key=false text=Hi reason=STOP response=GOOD`},
	{"key null", `{"key":null,"custom_id":"c","response":GOOD}`, `succeeded key=c text=Hi reason=STOP response=GOOD extra={"custom_id":"c"}`},
	{"key empty", `{"key":"","custom_id":"c","response":GOOD}`, `succeeded key= text=Hi reason=STOP response=GOOD extra={"custom_id":"c"}`},
	{"key escaped", `{"key":"\u00e9\ud83d\ude00\ud800A\n","response":GOOD}`, "succeeded key=é😀\uFFFDA\n text=Hi reason=STOP response=GOOD"},
	{"the last key counts", `{"key":"a","response":{"x":1},"response":GOOD,"key":"b"}`, `succeeded key=b text=Hi reason=STOP response=GOOD`},
	{"the last response is null", `{"response":{"x":1},"response":null}`, `invalid code=unknown_shape`},
	{"custom id", `{"metadata":{"key":"m"},"custom_id":7,"response":GOOD}`, `succeeded key=7 text=Hi reason=STOP response=GOOD extra={"metadata":{"key":"m"},"custom_id":7}`},
	{"key of the metadata", `{"metadata":{"key":["m"]},"response":GOOD}`, `succeeded key=["m"] text=Hi reason=STOP response=GOOD extra={"metadata":{"key":["m"]}}`},
	{"metadata a text", `{"metadata":"key","response":GOOD}`, `succeeded text=Hi reason=STOP response=GOOD extra={"metadata":"key"}`},
	{"key not UTF-8", "{\"key\":\"a\xff\xfeb\",\"response\":{\"x\":\"\xc3\"}}", "failed key=a\uFFFDb code=no_content response={\"x\":\"\uFFFD\"}"},

	// Other members.
	{"the last of a name", `{"a":1,"b": null ,"response":GOOD,"\u0061":[ 2 ]}`, `succeeded text=Hi reason=STOP response=GOOD extra={"\u0061":[ 2 ],"b":null}`},
	{"response a list", `{"key":"x","response":[{}],"candidates":[]}`, `invalid key=x code=unknown_shape extra={"response":[{}],"candidates":[]}`},

	// No known shape.
	{"number", `42`, `invalid code=unknown_shape`},
	{"null", `null`, `invalid code=unknown_shape`},
	{"text", `"key"`, `invalid code=unknown_shape`},
	{"list", `[GOOD]`, `invalid code=unknown_shape`},
	{"empty object", `{}`, `invalid code=unknown_shape`},
	{"unknown members", `{"foo":1}`, `invalid code=unknown_shape extra={"foo":1}`},
	{"key only", `{"key":"x"}`, `invalid key=x code=unknown_shape`},
	{"response null", `{"key":"x","response":null}`, `invalid key=x code=unknown_shape`},
	{"candidates null", `{"candidates":null}`, `invalid code=unknown_shape extra={"candidates":null}`},

	// Not JSON.
	{"empty", ``, `invalid code=not_json`},
	{"words", `upstream request timeout`, `invalid code=not_json`},
	{"cut off", `{"key":"x","response":{"candidates":[`, `invalid key=x code=not_json`},
	{"cut off in the key", `{"key":"x`, `invalid code=not_json`},
	{"broken behind the key", `{"key":"x", response: {}}`, `invalid key=x code=not_json`},
	{"broken before the key", `{"response":{"a":tru},"key":"x"}`, `invalid code=not_json`},
	{"two objects", `{"key":"a","response":{}}{"key":"b","response":{}}`, `invalid code=not_json`},
	{"trailing comma", `{"key":"a","response":{},}`, `invalid key=a code=not_json`},
	{"NaN", `{"response":{"avgLogprobs":NaN}}`, `invalid code=not_json`},
	{"single quotes", `{'key':'a','response':{}}`, `invalid code=not_json`},
	{"control character", "{\"key\":\"a\x01\",\"response\":{}}", `invalid code=not_json`},
	{"byte order mark", bom + `{"response":{}}`, `invalid code=not_json`},
	{"leading zero", `{"key":"a","response":{"x":01}}`, `invalid key=a code=not_json`},
	{"NUL behind the line", "{\"response\":{}}\x00", `invalid code=not_json`},
	{"white space of Unicode around", "\u00a0{\"response\":{}}", `invalid code=not_json`},
}

func TestShapes(t *testing.T) {
	t.Parallel()
	for _, test := range shapes {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			line := strings.ReplaceAll(test.line, "GOOD", good)
			if diff := cmp.Diff(test.want, tell(Parse([]byte(line)))); diff != "" {
				t.Errorf("Parse(%s) (-want +got):\n%s", line, diff)
			}
		})
	}
}

// What a candidate, or what else is in a response, says; odd types in it take
// nothing but themselves.
func TestResponses(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, response, want string }{
		{"parts are joined, thoughts left out", `{"candidates":[{"content":{"parts":[{"text":"hm","thought":true},{"text":"a"},{"text":"b","thought":false},{"text":"c"}]}}]}`, `succeeded text=abc`},
		{"only the first candidate", `{"candidates":[{"finishReason":"STOP"},{"content":{"parts":[{"text":"b"}]},"finishReason":"X"}]}`, `failed reason=STOP code=no_content status=STOP`},
		{"a finish message", `{"candidates":[{"finishReason":"OTHER","finishMessage":"m"}]}`, `failed reason=OTHER code=no_content message=m status=OTHER`},
		{"a finish message in snake case", `{"candidates":[{"finish_reason":"OTHER","finish_message":"m"}]}`, `failed reason=OTHER code=no_content message=m status=OTHER`},
		{"escapes", `{"candidates":[{"content":{"parts":[{"text":"\u003cb\u003e \ud83d\ude00 \"q\" \\"}]}}]}`, `succeeded text=<b> 😀 "q" \`},

		{"only thoughts", `{"candidates":[{"content":{"parts":[{"text":"hm","thought":true},{"inlineData":{"data":"x"},"thought":true}]}}]}`, `failed code=no_content`},
		{"a thought of an odd type", `{"candidates":[{"content":{"parts":[{"text":"a","thought":"true"}]}}]}`, `succeeded text=a`},
		{"empty text, STOP", `{"candidates":[{"content":{"parts":[{"text":""}]},"finishReason":"STOP"}]}`, `succeeded text= reason=STOP`},
		{"empty text, another end", `{"candidates":[{"content":{"parts":[{"text":""}]},"finishReason":"MAX_TOKENS"}]}`, `failed text= reason=MAX_TOKENS code=no_content status=MAX_TOKENS`},
		{"empty text, no end", `{"candidates":[{"content":{"parts":[{"text":""}]}}]}`, `failed text= code=no_content`},
		{"text, another end", `{"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":"MAX_TOKENS"}]}`, `succeeded text=a reason=MAX_TOKENS`},
		{"a bare signature", `{"candidates":[{"content":{"parts":[{"thoughtSignature":"s"}]},"finishReason":"STOP"}]}`, `failed reason=STOP code=no_content status=STOP`},
		{"a bare signature in snake case", `{"candidates":[{"content":{"parts":[{"thought_signature":"s"}]}}]}`, `failed code=no_content`},
		{"a call", `{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":{"text":"no"}},"thoughtSignature":"s"}]},"finishReason":"STOP"}]}`, `succeeded reason=STOP`},
		{"a picture", `{"candidates":[{"content":{"parts":[{"inline_data":{"data":"AA=="}},{"text":"a"}]}}]}`, `succeeded text=a`},
		{"code", `{"candidates":[{"content":{"parts":[{"executableCode":{"code":"x"}}]}}]}`, `succeeded`},
		{"parts with every name, all null", `{"candidates":[{"content":{"parts":[{"text":null,"inlineData":null,"functionCall":null}]}}]}`, `failed code=no_content`},
		{"text of odd types", `{"candidates":[{"content":{"parts":[{"text":1},{"text":"a"},{"text":null},null,7,[]]}}]}`, `succeeded text=a`},

		{"parts null", `{"candidates":[{"content":{"parts":null},"finishReason":"STOP"}]}`, `failed reason=STOP code=no_content status=STOP`},
		{"parts an object", `{"candidates":[{"content":{"parts":{"text":"a"}}}]}`, `failed code=no_content`},
		{"content a list", `{"candidates":[{"content":[{"parts":[]}]}]}`, `failed code=no_content`},
		{"candidates an object", `{"candidates":{"0":1},"modelVersion":"m"}`, `failed model=m code=no_content`},
		{"candidates of numbers", `{"candidates":[1]}`, `failed code=no_content`},
		{"odd reason and version", `{"candidates":[{"finishReason":1}],"modelVersion":[]}`, `failed code=no_content`},
		{"odd feedback", `{"promptFeedback":[{"blockReason":"SAFETY"}]}`, `failed code=no_content`},
		{"odd reason of feedback", `{"promptFeedback":{"blockReason":1}}`, `failed code=no_content`},
		{"candidates null, blocked", `{"candidates":null,"promptFeedback":{"blockReason":"SAFETY"}}`, `failed code=blocked message=SAFETY status=SAFETY`},

		{"an embedding and its tokens", `{"embedding":{"values":[0.1]},"tokenCount":"5"}`, `succeeded prompt=5 total=5`},
		{"an embedding and its usage", `{"embedding":{"values":[0.1]},"usageMetadata":{"promptTokenCount":5},"token_count":6}`, `succeeded prompt=5 total=6`},
		{"tokens in the usage", `{"embedding":[0.1],"usageMetadata":{"tokenCount":5}}`, `succeeded prompt=5 total=5`},
		{"an embedding of nothing", `{"embedding":{"values":[]},"embeddings":[]}`, `failed code=no_content`},
		{"embeddings of odd types", `{"embedding":true,"embeddings":["",null]}`, `failed code=no_content`},

		{"counts", `{"embedding":[1],"usageMetadata":{"promptTokenCount":0,"candidatesTokenCount":2.0,"thoughtsTokenCount":1e1,"cachedContentTokenCount":"4","toolUsePromptTokenCount":0.5E1,"totalTokenCount":9007199254740993}}`,
			`succeeded prompt=0 candidates=2 thoughts=10 cached=4 tool_use=5 total=9007199254740993`},
		{"large counts", `{"embedding":[1],"usageMetadata":{"promptTokenCount":9223372036854775807,"candidatesTokenCount":9223372036854775807.0,"thoughtsTokenCount":92233720368547758080e-1,"cachedContentTokenCount":0e999999999,"totalTokenCount":100e16}}`,
			`succeeded prompt=9223372036854775807 candidates=9223372036854775807 cached=0 total=1000000000000000000`},
		{"odd counts", `{"embedding":[1],"usageMetadata":{"promptTokenCount":-1,"candidatesTokenCount":1.5,"thoughtsTokenCount":1e400,"cachedContentTokenCount":1e-1,"toolUsePromptTokenCount":1e99999999999999999999,"totalTokenCount":92233720368547758080}}`, `succeeded`},
		{"odder counts", `{"embedding":[1],"usageMetadata":{"promptTokenCount":null,"candidatesTokenCount":"x","thoughtsTokenCount":[1],"cachedContentTokenCount":"+1","toolUsePromptTokenCount":"0x1","totalTokenCount":true}}`, `succeeded`},
		{"one good count", `{"embedding":[1],"usageMetadata":{"promptTokenCount":"","candidatesTokenCount":"\u0031","thoughtsTokenCount":"-3","cachedContentTokenCount":"1 ","toolUsePromptTokenCount":"1_0","totalTokenCount":7}}`, `succeeded total=7`},
		{"usage of a list", `{"embedding":[1],"usageMetadata":[1]}`, `succeeded`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			line := Parse([]byte(`{"response":` + test.response + `}`))
			if string(line.Response) != test.response {
				t.Errorf("response = %s", line.Response)
			}
			line.Response = nil
			if diff := cmp.Diff(test.want, tell(line)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", test.response, diff)
			}
		})
	}
}
