package vectors

import "net/http"

// Case is a delivery that can be signed anew, and what is expected of it.
type Case struct {
	Name   string
	Why    string
	Scheme string
	Level  Level
	Keys   string // what the receiver has to be configured with: a name of keySets
	Expect Expect

	// ExactClock: the case is at a border of the tolerance, which only a receiver
	// whose clock stands still can be asked about.
	ExactClock bool

	make func(d *draft)
}

// The key sets of cases.
const (
	KeysStatic   = "static"   // one secret, whsec_
	KeysRotated  = "rotated"  // two
	KeysPlain    = "plain"    // one that is no base64
	KeysDynamic  = "dynamic"  // a JWKS
	KeysAudience = "audience" // a JWKS, and what aud and iss may be
)

// The schemes of cases.
const (
	HMAC    = "hmac-sha256"
	Ed25519 = "ed25519"
	RS256   = "rs256"
)

// Cases are all of them, in the order of the file.
func Cases() []Case {
	all := append(staticCases(), staticForms()...)
	return append(append(all, ed25519Cases()...), jwtCases()...)
}

// Request signs a case. It says false where the case does not show with this secret,
// which reads the same in the wrong way.
func (s *Signer) Request(c Case) (Request, bool) {
	d := s.draft(c.Name)
	c.make(d)
	path := s.StaticPath
	if c.Scheme != HMAC {
		path = s.DynamicPath
	}
	return d.request(path), !d.genuine
}

// Published makes docs/vectors.json.
func Published() File {
	signer := published()
	jwks := signer.google.KeySet()
	f := File{
		Comment:   "Made by `go test ./internal/vectors -update`; docs/vectors.md says what it is. All keys are TEST KEYS that everybody knows: never configure them anywhere.",
		Format:    1,
		Now:       signer.Now.Unix(),
		Tolerance: 300,
		Keys: map[string]Keys{
			KeysStatic:   {Secrets: []string{secretNew}},
			KeysRotated:  {Secrets: []string{secretNew, secretOld}},
			KeysPlain:    {Secrets: []string{secretPlain}},
			KeysDynamic:  {JWKS: jwks, PathTokens: []string{pathToken}},
			KeysAudience: {JWKS: jwks, PathTokens: []string{pathToken}, Audiences: []string{signer.Audience}, Issuers: []string{signer.Issuer}},
		},
	}
	for _, c := range Cases() {
		s := *signer
		if c.Keys == KeysPlain {
			s.Secret = secretPlain
		}
		request, shows := s.Request(c)
		if !shows {
			panic("vectors: " + c.Name + " is a genuine delivery")
		}
		f.Vectors = append(f.Vectors, Vector{
			Name: c.Name, Why: c.Why, Scheme: c.Scheme, Level: c.Level, Keys: c.Keys, Now: s.Now.Unix(),
			Request: request, Expect: c.Expect,
		})
	}
	return f
}

// accepted is the verdict on a genuine delivery.
var accepted = Expect{Accepted: true, Status: http.StatusOK}

// refused is the verdict of a class, with the code of this repository's receiver.
func refused(class Class, code string) Expect {
	status := http.StatusUnauthorized
	if code == "missing_header" || code == "bad_header" {
		status = http.StatusBadRequest
	}
	return Expect{Class: class, Status: status, Code: code}
}

// What most cases are refused with.
var (
	mismatch = refused(Signature, "signature_mismatch")
	late     = refused(Time, "timestamp_out_of_range")
	missing  = refused(Malformed, "missing_header")
	bad      = refused(Malformed, "bad_header")
	badToken = refused(Malformed, "bad_token")
)

// group makes cases of one scheme, level and key set.
func group(scheme string, level Level, keys string, cases ...Case) []Case {
	for i := range cases {
		cases[i].Scheme, cases[i].Level, cases[i].Keys = scheme, level, keys
	}
	return cases
}

// of is one case.
func of(name, why string, expect Expect, make func(d *draft)) Case {
	return Case{Name: name, Why: why, Expect: expect, make: make}
}

// exactly is one that needs a clock that stands still.
func exactly(c Case) Case {
	c.ExactClock = true
	return c
}
