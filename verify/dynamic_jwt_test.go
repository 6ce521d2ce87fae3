package verify_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/gemini-webhook/verify"
	"example.com/gemini-webhook/verify/verifytest"
)

type tokenCase struct {
	option verifytest.Option
	want   string
}

// tokenCases are a genuine token with one thing broken, which is the same for
// deliveries and for pushes.
func tokenCases() map[string]tokenCase {
	claim, header := verifytest.Claim, verifytest.Header
	return map[string]tokenCase{
		"genuine":              {claim("x", 1), "ok"},
		"no exp":               {verifytest.NoClaim("exp"), "bad_token"},
		"exp null":             {claim("exp", nil), "bad_token"},
		"exp as text":          {claim("exp", "1895262400"), "bad_token"},
		"exp negative":         {claim("exp", -1), "bad_token"},
		"exp beyond all time":  {claim("exp", 1e300), "bad_token"},
		"EXP in capitals only": {func(_, c map[string]any) { c["EXP"] = c["exp"]; delete(c, "exp") }, "bad_token"},
		"iat as text":          {claim("iat", "now"), "bad_token"},
		"no kid":               {verifytest.NoHeader("kid"), "bad_token"},
		"kid empty":            {header("kid", ""), "bad_token"},
		"kid a number":         {header("kid", 1), "bad_token"},
		"kid unknown":          {header("kid", "key-9"), "unknown_key"},
		"no alg":               {verifytest.NoHeader("alg"), "bad_token"},
		"alg none":             {header("alg", "none"), "algorithm_not_allowed"},
		"alg HS256":            {header("alg", "HS256"), "algorithm_not_allowed"},
		"alg RS384":            {header("alg", "RS384"), "algorithm_not_allowed"},
		"alg RS512":            {header("alg", "RS512"), "algorithm_not_allowed"},
		"alg PS256":            {header("alg", "PS256"), "algorithm_not_allowed"},
		"alg ES256":            {header("alg", "ES256"), "algorithm_not_allowed"},
		"alg EdDSA":            {header("alg", "EdDSA"), "algorithm_not_allowed"},
		"alg in small letters": {header("alg", "rs256"), "algorithm_not_allowed"},
		"crit":                 {header("crit", []string{"exp"}), "bad_token"},
		"crit empty":           {header("crit", []string{}), "bad_token"},
		"crit null":            {header("crit", nil), "bad_token"},
		"b64":                  {header("b64", false), "bad_token"},
		"jku, x5u and jwk":     {func(h, _ map[string]any) { h["jku"], h["x5u"], h["jwk"] = "https://evil.example", 1, []int{} }, "ok"},
	}
}

// A genuine JWT delivery, and one thing broken: the contract, "JWT" and "Borders".
func TestDynamicJWT(t *testing.T) {
	t.Parallel()
	claim, header := verifytest.Claim, verifytest.Header
	at := func(d time.Duration) int64 { return start.Add(d).Unix() }
	const m, s = time.Minute, time.Second
	aud := audiences("https://us.example", "us")
	iss := issuers("https://them.example", "them")
	tests := map[string]struct {
		option  verifytest.Option
		options []dynamicOption
		want    string
	}{

		"expired a minute ago, less a second": {option: claim("exp", at(-m+s)), want: "ok"},
		"expired a minute ago":                {option: claim("exp", at(-m)), want: "token_expired"},
		"not before, in a minute":             {option: claim("nbf", at(m)), want: "ok"},
		"not before, in a minute and 1 s":     {option: claim("nbf", at(m+s)), want: "token_not_yet_valid"},
		"not before, long ago":                {option: claim("nbf", at(-1000*m)), want: "ok"},
		"nbf as text":                         {option: claim("nbf", "now"), want: "bad_token"},
		"issued 5 min ago":                    {option: claim("iat", at(-5*m)), want: "ok"},
		"issued 5 min 1 s ago":                {option: claim("iat", at(-5*m-s)), want: "timestamp_out_of_range"},
		"issued in 5 min":                     {option: claim("iat", at(5*m)), want: "ok"},
		"issued in 5 min 1 s":                 {option: claim("iat", at(5*m+s)), want: "timestamp_out_of_range"},
		"issued in 5 min and a fraction":      {option: claim("iat", float64(at(5*m))+0.5), want: "timestamp_out_of_range"},
		"issued at the beginning of time":     {option: claim("iat", 0), want: "timestamp_out_of_range"},
		"no iat":                              {option: verifytest.NoClaim("iat"), want: "ok"},
		"iat null":                            {option: claim("iat", nil), want: "bad_token"},

		"our audience":            {option: claim("aud", "us"), options: []dynamicOption{aud}, want: "ok"},
		"another audience":        {option: claim("aud", "them"), options: []dynamicOption{aud}, want: "audience_mismatch"},
		"audience in capitals":    {option: claim("aud", "US"), options: []dynamicOption{aud}, want: "audience_mismatch"},
		"audience and more":       {option: claim("aud", "us "), options: []dynamicOption{aud}, want: "audience_mismatch"},
		"audience empty":          {option: claim("aud", ""), options: []dynamicOption{aud}, want: "audience_mismatch"},
		"audience a number":       {option: claim("aud", 1), options: []dynamicOption{aud}, want: "audience_mismatch"},
		"a list with ours":        {option: claim("aud", []string{"them", "us"}), options: []dynamicOption{aud}, want: "ok"},
		"a list without ours":     {option: claim("aud", []string{"them", "others"}), options: []dynamicOption{aud}, want: "audience_mismatch"},
		"an empty list":           {option: claim("aud", []string{}), options: []dynamicOption{aud}, want: "audience_mismatch"},
		"a list of anything":      {option: claim("aud", []any{"us", 1}), options: []dynamicOption{aud}, want: "audience_mismatch"},
		"no audience":             {option: verifytest.NoClaim("aud"), options: []dynamicOption{aud}, want: "audience_mismatch"},
		"no audience, none asked": {option: verifytest.NoClaim("aud"), want: "ok"},
		"our issuer":              {option: claim("iss", "them"), options: []dynamicOption{iss}, want: "ok"},
		"another issuer":          {option: claim("iss", "us"), options: []dynamicOption{iss}, want: "issuer_mismatch"},
		"issuer with slash":       {option: claim("iss", "them/"), options: []dynamicOption{iss}, want: "issuer_mismatch"},
		"issuers in a list":       {option: claim("iss", []string{"them"}), options: []dynamicOption{iss}, want: "issuer_mismatch"},
		"no issuer":               {option: verifytest.NoClaim("iss"), options: []dynamicOption{iss}, want: "issuer_mismatch"},
		"no issuer, none asked":   {option: verifytest.NoClaim("iss"), want: "ok"},
		"both wrong":              {option: claim("x", 1), options: []dynamicOption{aud, iss}, want: "audience_mismatch"},

		"kid of an Ed25519 key":     {option: header("kid", "ed-1"), want: "unknown_key"},
		"typ of any kind":           {option: header("typ", "x"), want: "ok"},
		"without typ":               {option: verifytest.NoHeader("typ"), want: "ok"},
		"a key of its own":          {option: func(h, _ map[string]any) { h["kid"], h["jwk"] = "key-9", map[string]any{"kty": "RSA"} }, want: "unknown_key"},
		"unknown members are fine":  {option: func(h, c map[string]any) { h["x"], c["x"] = 1, nil }, want: "ok"},
		"an event of another mouth": {option: claim("type", "batch.failed"), want: "ok"}, // without data it is none
	}
	for name, tc := range tokenCases() {
		tests[name] = struct {
			option  verifytest.Option
			options []dynamicOption
			want    string
		}{tc.option, nil, tc.want}
	}
	rig := newDynamicRig(t)
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newDynamicRigOf(t, rig.issuer, tc.options...)
			if got := r.code(t, r.jwt(t, tc.option)); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}

// Tokens that are broken as texts, not in what they say.
func TestDynamicJWTForm(t *testing.T) {
	t.Parallel()
	r := newDynamicRig(t)
	other, err := verifytest.NewIssuer() // the kid of ours, another key
	must(t, err)
	token := func(i *verifytest.Issuer, claims map[string]any) string {
		text, err := i.Token(claims)
		must(t, err)
		return text
	}
	good, foreign := token(r.issuer, verifytest.Claims(start)), token(other, verifytest.Claims(start))
	part, foreignPart := strings.Split(good, "."), strings.Split(foreign, ".")
	for name, tc := range map[string]struct{ token, want string }{
		"genuine":              {good, "ok"},
		"another's":            {foreign, "signature_mismatch"},
		"no signature":         {part[0] + "." + part[1] + ".", "signature_mismatch"},
		"another's signature":  {part[0] + "." + part[1] + "." + foreignPart[2], "signature_mismatch"},
		"signature cut":        {good[:len(good)-4], "signature_mismatch"},
		"signature longer":     {good + "AAAA", "signature_mismatch"},
		"trailing bits set":    {good[:len(good)-1] + nextLetter(good[len(good)-1]), "signature_mismatch"},
		"a letter less":        {good[:len(good)-1], "signature_mismatch"},
		"claims changed":       {part[0] + "." + encodeJSON(map[string]any{"exp": 9e9}) + "." + part[2], "signature_mismatch"},
		"header changed":       {encodeJSON(map[string]any{"alg": "RS256", "kid": "key-1"}) + "." + part[1] + "." + part[2], "signature_mismatch"},
		"HMAC by public key":   {confused(t, r.issuer, part[1]), "algorithm_not_allowed"},
		"unsigned":             {encodeJSON(map[string]any{"alg": "none", "kid": "key-1"}) + "." + part[1] + ".", "algorithm_not_allowed"},
		"header no base64url":  {"A." + part[1] + "." + part[2], "bad_token"},
		"header no JSON":       {"AAAA." + part[1] + "." + part[2], "bad_token"},
		"header null":          {"bnVsbA." + part[1] + "." + part[2], "bad_token"},
		"header a list":        {"W10." + part[1] + "." + part[2], "bad_token"},
		"payload null":         {token(r.issuer, nil), "bad_token"},
		"two parts":            {part[0] + "." + part[1], "bad_header"},
		"four parts":           {good + ".AAAA", "bad_header"},
		"empty payload":        {part[0] + ".." + part[2], "bad_header"},
		"with padding":         {good + "=", "bad_header"},
		"as v1":                {"v1," + good, "mode_disabled"},
		"as v1a":               {"v1a," + good, "signature_mismatch"},
		"as Bearer":            {"Bearer " + good, "ok"}, // two entries, of which one is good
		"as a quoted text":     {`"` + good + `"`, "bad_header"},
		"alg twice, last good": {base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","alg":"RS256","kid":"key-1"}`)) + "." + part[1] + ".", "signature_mismatch"},
	} {
		if _, got := r.send(t, dynamicPath, verifytest.Headers("msg_1", seconds, tc.token), body); got != tc.want {
			t.Errorf("%s: got %s, want %s", name, got, tc.want)
		}
	}
	// The header's timestamp counts beside the token's own times.
	if _, got := r.send(t, dynamicPath, verifytest.Headers("msg_1", unix(start.Add(-time.Hour)), good), body); got != "timestamp_out_of_range" {
		t.Errorf("old header: got %s", got)
	}
}

// Where the token has type and data, it is the event: the contract, "JWT".
func TestDynamicEvent(t *testing.T) {
	t.Parallel()
	const event = `{"type":"batch.succeeded","version":"v1","timestamp":"2026-01-22T12:00:00Z","data":{"id":"b","n":[1,2.50,{"a":null}]},"user_metadata":{"k":"é"}}`
	const mismatch = "body_mismatch"
	tests := map[string]struct {
		carried, body string
		want          string // the event, "" for the body, or the code
	}{
		"nothing carried":            {`{}`, event, ""},
		"no data":                    {`{"type":"x"}`, event, ""},
		"no type":                    {`{"data":{}}`, event, ""},
		"nothing carried, body text": {`{}`, "no JSON", ""},
		"no body":                    {event, "", event},
		"the same body":              {event, event, event},
		"type and data alone":        {`{"type":"x","data":{"id":"1"}}`, `{"type":"x","data":{"id":"1"}}`, `{"type":"x","data":{"id":"1"}}`},
		"claims are not taken":       {`{"type":"x","data":1,"sub":"s"}`, "", `{"type":"x","data":1}`},
		"null is a value":            {`{"type":null,"data":null}`, "{}", `{"type":null,"data":null}`},

		"order does not count":            {event, `{"user_metadata":{"k":"é"},"data":{"n":[1,2.50,{"a":null}],"id":"b"},"type":"batch.succeeded"}`, event},
		"white space in a text":           {event, strings.ReplaceAll(event, "12:", "12 :"), mismatch},
		"white space between":             {event, strings.ReplaceAll(event, `,"`, " ,\r\n\t \""), event},
		"escapes do not count":            {event, strings.ReplaceAll(strings.ReplaceAll(event, "é", `\u00e9`), "batch", `b\u0061tch`), event},
		"numbers count by value":          {event, strings.ReplaceAll(event, "[1,2.50,", "[10e-1,0.25E+1,"), event},
		"another number":                  {event, strings.ReplaceAll(event, "[1,2.50,", "[1,2.51,"), mismatch},
		"a number as text":                {event, strings.ReplaceAll(event, "[1,", `["1",`), mismatch},
		"another type":                    {event, strings.ReplaceAll(event, "batch.succeeded", "batch.failed"), mismatch},
		"type in capitals":                {event, strings.ReplaceAll(event, "batch.succeeded", "Batch.Succeeded"), mismatch},
		"another version":                 {event, strings.ReplaceAll(event, `"v1"`, `"v2"`), mismatch},
		"the same time, said differently": {event, strings.ReplaceAll(event, "12:00:00Z", "12:00:00.0Z"), mismatch},
		"another id":                      {event, strings.ReplaceAll(event, `"id":"b"`, `"id":"c"`), mismatch},
		"a member more in data":           {event, strings.ReplaceAll(event, `"id":"b"`, `"id":"b","x":null`), mismatch},
		"a member less in data":           {event, strings.ReplaceAll(event, `"id":"b",`, ``), mismatch},
		"another member's name in data":   {event, strings.ReplaceAll(event, `"id":`, `"Id":`), mismatch},
		"an element more":                 {event, strings.ReplaceAll(event, `[1,`, `[1,1,`), mismatch},
		"elements in another order":       {event, strings.ReplaceAll(event, `[1,2.50`, `[2.50,1`), mismatch},
		"null for a value":                {event, `{"data":null}`, mismatch},
		"another metadata":                {event, strings.ReplaceAll(event, `é`, `e`), mismatch},
		"the last of two members counts":  {event, `{"type":"evil",` + event[1:], event},
		"and where it is the bad one":     {event, event[:len(event)-1] + `,"type":"evil"}`, mismatch},
		"the same within data":            {event, strings.ReplaceAll(event, `"id":"b"`, `"id":"c","id":"b"`), event},
		"and where it is the bad one, in": {event, strings.ReplaceAll(event, `"id":"b"`, `"id":"b","id":"c"`), mismatch},
		"members in capitals are others":  {event, `{"TYPE":"evil","Data":{}}`, event},

		"a body that lacks members":       {event, `{"type":"batch.succeeded"}`, event},
		"an empty object":                 {event, `{}`, event},
		"what only the body has":          {`{"type":"x","data":{}}`, `{"type":"x","data":{},"user_metadata":{"tenant":"evil"},"version":"v9","more":1}`, `{"type":"x","data":{}}`},
		"a body without members":          {event, `[{"type":"evil"}]`, event},
		"a body that is no JSON":          {event, `type=batch.succeeded`, mismatch},
		"a body of white space":           {event, ` `, mismatch},
		"a body cut":                      {event, event[:len(event)-1], mismatch},
		"a body and more":                 {event, event + `x`, mismatch},
		"two bodies":                      {event, event + event, mismatch},
		"a byte order mark":               {event, "\ufeff" + event, mismatch},
		"a body nested too deeply":        {event, strings.Repeat("[", 20000) + strings.Repeat("]", 20000), mismatch},
		"a number that nobody can expand": {`{"type":"x","data":1e999999999}`, `{"data":1e999999998}`, mismatch},
	}
	rig := newDynamicRig(t)
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newDynamicRigOf(t, rig.issuer)
			proof, code := r.send(t, dynamicPath, r.jwt(t, verifytest.Carry([]byte(tc.carried))), []byte(tc.body))
			if code != "ok" {
				if code != tc.want {
					t.Errorf("got %s, want %s", code, tc.want)
				}
				return
			}
			if diff := cmp.Diff(tc.want, proof.Event); diff != "" {
				t.Errorf("event (-want +got):\n%s", diff)
			}
		})
	}
}

// The event is what the token's bytes say, also where a member occurs twice.
func TestDynamicEventIsJSON(t *testing.T) {
	t.Parallel()
	r := newDynamicRig(t)
	header := r.jwt(t, verifytest.Claim("type", "a\"b\\c\n<é>"), verifytest.Claim("data", json.RawMessage(`{"id":"1","id":"2"}`)))
	proof, code := r.send(t, dynamicPath, header, nil)
	if code != "ok" {
		t.Fatalf("got %s", code)
	}
	var got map[string]any
	must(t, json.Unmarshal([]byte(proof.Event), &got))
	if diff := cmp.Diff(map[string]any{"type": "a\"b\\c\n<é>", "data": map[string]any{"id": "2"}}, got); diff != "" {
		t.Errorf("event (-want +got):\n%s", diff)
	}
	// v1a signs the body, which is the event then, whatever a token carries.
	both := verifytest.Headers("msg_1", seconds, header.Get("webhook-signature"), r.issuer.Ed25519(0, "msg_1", seconds, body))
	if proof, code = r.send(t, dynamicPath, both, body); code != "ok" || proof.Scheme != verify.SchemeEd25519 || proof.Event != "" {
		t.Errorf("beside v1a: %s, %+v", code, proof)
	}
}
