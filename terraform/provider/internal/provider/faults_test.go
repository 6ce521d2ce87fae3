package provider

import (
	"strings"
	"sync"

	"example.com/gemini-webhook/internal/webhookadmin/admintest"
)

type fault = admintest.Fault

const (
	fine, drop = admintest.Fine, admintest.Drop
	lose, dead = admintest.Lose, admintest.Refuse
	broken     = admintest.Broken
	throttled  = admintest.Throttled
)

// nth chooses the n-th call to fail, and kills the process with it. Of a lost
// answer it counts the calls that change something: for others it is the same
// whether they arrive.
type nth struct {
	n   int
	how fault

	mu    sync.Mutex
	count int
	call  string
}

func (f *nth) choose(call string) fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.count >= f.n {
		return dead
	}
	if f.how == lose && reads(call) {
		return fine
	}
	if f.count++; f.count < f.n {
		return fine
	}
	f.call = call
	return f.how
}

func reads(call string) bool {
	for _, verb := range []string{"Get", "List", "Access", "Test", "GET "} {
		if strings.HasPrefix(call, verb) {
			return true
		}
	}
	return false
}

// seen says how many calls there were, and which one failed.
func (f *nth) seen() (calls int, failed string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.count, f.call
}
