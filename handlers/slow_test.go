package handlers

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"example.com/gemini-webhook/verify/verifytest"
)

// slowly opens connections that announce a body, send a part of it, and no more.
func (d *door) slowly(t *testing.T, connections, announced, sent int) {
	t.Helper()
	part := strings.Repeat("x", sent)
	for i := range connections {
		conn, err := net.Dial("tcp", d.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		head := fmt.Sprintf("POST /hook HTTP/1.1\r\nHost: x\r\nwebhook-id: m%d\r\nwebhook-timestamp: %d\r\nwebhook-signature: v1,MDEy\r\nContent-Length: %d\r\n\r\n",
			i, time.Now().Unix(), announced)
		_ = conn.SetDeadline(time.Now().Add(2 * time.Second))
		_, _ = io.WriteString(conn, head+part) // the door may have ended it
	}
}

// Connections that hold much and send little turn no delivery away.
func TestSlowBodiesDoNotTurnDeliveriesAway(t *testing.T) {
	t.Parallel()
	const limit = 8 << 20
	for _, test := range []struct {
		name              string
		connections, sent int
	}{
		{"nineteen that have sent under 2 MiB", 19, 1_800_000},
		{"forty that have sent over 2 MiB", 40, 2<<20 + 1},
		{"five that lack a byte", 5, limit - 1},
		{"a hundred that have sent 300 KiB", 100, 300 << 10},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			d := newDoor(t, limit)
			d.slowly(t, test.connections, limit, test.sent)
			for i := range 60 {
				body := testBody
				if i%20 == 0 {
					body = strings.Repeat("y", 200<<10)
				}
				r := d.signed(t, time.Now(), body)
				r.Header = verifytest.Static(testKey, fmt.Sprint("msg_", i), time.Now(), []byte(body))
				if status, answer := d.send(t, r); status != http.StatusOK {
					t.Fatalf("delivery %d of %d bytes: got %d %s, want 200", i, len(body), status, answer)
				}
			}
			if n := len(d.queue.all()); n != 60 {
				t.Errorf("%d messages queued, want 60", n)
			}
			if log := d.log.String(); strings.Contains(log, `"level":"ERROR"`) {
				t.Errorf("a stranger causes an error:\n%s", log)
			}
		})
	}
}

// The budget goes to those that use least of it, in bytes and time; what all hold
// never exceeds it, and what is given back can be taken.
func TestWhoMakesRoom(t *testing.T) {
	t.Parallel()
	const limit = 8 << 20
	b := newBodies(limit)
	now := time.Now()
	stopped := map[string]bool{}
	arriving := func(name string, age time.Duration, bytes int64) *intake {
		in := &intake{since: now.Add(-age), stop: func() { stopped[name] = true }}
		if !b.take(in, bytes) {
			t.Fatalf("%s does not get its %d bytes", name, bytes)
		}
		return in
	}
	arriving("small and old", 4*time.Second, 4<<10)
	arriving("large and young", 50*time.Millisecond, 8<<20)
	slow := arriving("large and slow", 3*time.Second, 8<<20)
	arriving("large and slower", 4*time.Second, 8<<20)
	arriving("rest", time.Second, bodyBudget-b.held)
	if len(stopped) > 0 {
		t.Fatalf("%v yield though there is room", stopped)
	}
	arriving("new", 0, 4<<10)
	if len(stopped) != 1 || !stopped["large and slower"] {
		t.Errorf("%v yield, want the one that is large and slower", stopped)
	}
	arriving("newer", 0, 8<<20)
	if len(stopped) != 2 || !stopped["large and slow"] {
		t.Errorf("%v yield, want the one that is large and slow too", stopped)
	}
	if b.held > bodyBudget {
		t.Errorf("%d bytes are held, %d are the budget", b.held, bodyBudget)
	}
	if b.take(slow, 16<<20) || !b.end(slow) {
		t.Error("a body that yielded goes on")
	}
	greedy := &intake{since: now.Add(-time.Minute)}
	if b.take(greedy, bodyBudget) || len(stopped) != 2 {
		t.Errorf("%v yield to the one that uses most", stopped)
	}
	for in := range b.arrives {
		b.release(in)
	}
	if b.release(slow); b.held != 0 || len(b.arrives) != 0 {
		t.Errorf("%d bytes are held by nobody", b.held)
	}
}
