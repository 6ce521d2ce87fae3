package e2e

import (
	"bytes"
	"fmt"
	"strings"
)

// forged is what became of forgeries of one kind, by their number.
type forged struct {
	sent     int
	refused  map[string]bool // by name, with 400 or 401
	accepted map[string]bool // with 2xx
	out      int             // messages of any topic that one got into
}

// forgedName begins the names of forgeries, and nothing else has it.
const forgedName = "forged-"

// forge enters a forgery that is about to be sent, and names it.
func (b *books) forge(kind string) (name string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f := b.forged[kind]
	if f == nil {
		f = &forged{refused: make(map[string]bool), accepted: make(map[string]bool)}
		b.forged[kind] = f
	}
	f.sent++
	return fmt.Sprintf("%s%s-%d", forgedName, strings.ReplaceAll(kind, " ", "_"), f.sent)
}

// judged enters the answer to a forgery, and says whether it was definite.
func (b *books) judged(kind, name string, status int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch f := b.forged[kind]; {
	case status/100 == 2:
		f.accepted[name] = true
	case status/100 == 4:
		f.refused[name] = true
	default:
		return false
	}
	return true
}

// kindOfForged is the kind that a name was made for.
func kindOfForged(name string) string {
	name = strings.TrimPrefix(name, forgedName)
	return strings.ReplaceAll(name[:strings.LastIndexByte(name, '-')], "_", " ")
}

// unmask counts a message with a forgery in it. Results are not searched, there
// the attributes say.
func (b *books) unmask(data []byte, attributes map[string]string) {
	for _, name := range []string{attributes["event_id"], attributes["resource_id"]} {
		if _, name, ok := strings.Cut(name, forgedName); ok {
			b.escaped(name)
			return
		}
	}
	if attributes["type"] == "batch.result" {
		return
	}
	if _, name, ok := bytes.Cut(data, []byte(forgedName)); ok {
		b.escaped(string(name[:min(len(name), 100)]))
	}
}

// escaped counts what follows forgedName somewhere in a message.
func (b *books) escaped(name string) {
	for kind, f := range b.forged {
		if strings.HasPrefix(name, strings.ReplaceAll(kind, " ", "_")+"-") {
			f.out++
			return
		}
	}
	b.strays++
}
