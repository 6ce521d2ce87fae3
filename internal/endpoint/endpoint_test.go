package endpoint

import (
	"errors"
	"net/url"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for address, ok := range map[string]bool{
		"https://receiver.example":             true,
		"https://receiver.example:8443/a?b=c":  true,
		"http://localhost:8080":                true,
		"http://127.0.0.1:1/x":                 true,
		"http://127.8.9.10":                    true,
		"http://[::1]:8080/":                   true,
		"HTTPS://receiver.example":             true,
		"http://receiver.example":              false,
		"http://receiver.example:443":          false,
		"http://127.0.0.1.example/":            false,
		"http://localhost.example":             false,
		"http://10.0.0.1":                      false,
		"http://0.0.0.0:8080":                  false,
		"http://[::ffff:10.0.0.1]/":            false,
		"http://169.254.169.254/":              false,
		"http://localhost@receiver.example/":   false,
		"https://user:password@localhost":      false,
		"https://receiver.example/#token":      false,
		"https://":                             false,
		"https:///path":                        false,
		"//receiver.example":                   false,
		"receiver.example":                     false,
		"ftp://localhost/":                     false,
		"httpx://localhost/":                   false,
		"http://receiver.example/\n":           false,
		"":                                     false,
		"%":                                    false,
		"AIzaSyNobodyShouldSeeThisInAnErrorXX": false,
	} {
		u, err := Parse(address)
		if ok != (err == nil) || ok != (u != nil) || !ok && !errors.Is(err, ErrInsecure) {
			t.Errorf("%q: %v, %v, want it accepted to be %v", address, u, err, ok)
		}
		if err != nil && len(address) > 10 && strings.Contains(err.Error(), address) {
			t.Errorf("the error repeats %q", address)
		}
	}
}

func TestSame(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		a, b string
		same bool
	}{
		{"https://a.example/x", "https://a.example/y?z", true},
		{"https://a.example", "http://a.example", false},
		{"http://127.0.0.1:1", "http://127.0.0.1:2", false},
		{"https://a.example", "https://a.example:8443", false},
		{"https://a.example", "https://b.a.example", false},
	} {
		a, errA := url.Parse(test.a)
		b, errB := url.Parse(test.b)
		if err := errors.Join(errA, errB); err != nil {
			t.Fatal(err)
		}
		if got := Same(a, b); got != test.same {
			t.Errorf("%s and %s: %v, want %v", test.a, test.b, got, test.same)
		}
	}
}
