package e2e

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// builds is the folder of what was built, once something is.
var builds string

var folderOfBuilds = sync.OnceValues(func() (_ string, err error) {
	builds, err = os.MkdirTemp("", "receiver")
	return builds, err
})

func TestMain(m *testing.M) {
	if role := os.Getenv(roleVariable); role != "" {
		if err := play(role); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	code := m.Run()
	if builds != "" {
		_ = os.RemoveAll(builds) // a folder of the system's temporary ones
	}
	os.Exit(code)
}

// binary is the receiver, and controls is webhookctl, built as `go run` would.
var (
	binary   = sync.OnceValues(func() (string, error) { return build("receiver") })
	controls = sync.OnceValues(func() (string, error) { return build("webhookctl") })
)

func build(program string) (string, error) {
	folder, err := folderOfBuilds()
	if err != nil {
		return "", err
	}
	path := filepath.Join(folder, program)
	build := exec.Command("go", "build", "-o", path, "example.com/gemini-webhook/cmd/"+program)
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
}

const (
	startTimeout = 30 * time.Second // it takes some 50 ms; a busy machine needs more
	stopTimeout  = 10 * time.Second // Cloud Run's, between SIGTERM and SIGKILL
)

// child is a running receiver.
type child struct {
	addr   string // host:port
	cmd    *exec.Cmd
	logs   *buffer
	exited chan struct{}
}

// notShort is called before anything is started.
func notShort(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("runs the built receiver beside the embedded cloud; run without -short")
	}
}

// command is the receiver with an environment of its own: nothing of whoever
// runs the tests reaches it.
func command(t testing.TB, env ...string) *exec.Cmd {
	t.Helper()
	notShort(t)
	path, err := binary()
	must(t, err)
	cmd := exec.Command(path)
	cmd.Env = append([]string{"HOME=" + t.TempDir()}, env...)
	return cmd
}

// start runs a receiver and waits until it is healthy. The end of the test
// kills it.
func start(t testing.TB, env ...string) *child {
	t.Helper()
	return launch(t, command(t, env...), (*child).healthy)
}

// launch starts a program that serves PORT, and waits until it is ready. What
// it says is kept, unless the program has a place for it.
func launch(t testing.TB, program *exec.Cmd, ready func(*child) bool) *child {
	t.Helper()
	for range 5 {
		c := &child{addr: freeAddr(t), logs: &buffer{}, exited: make(chan struct{})}
		_, port, err := net.SplitHostPort(c.addr)
		must(t, err)
		c.cmd = exec.Command(program.Path)
		c.cmd.Env = append(program.Env, "PORT="+port)
		c.cmd.Stdout, c.cmd.Stderr = c.logs, c.logs
		if program.Stderr != nil {
			c.cmd.Stdout, c.cmd.Stderr = nil, program.Stderr
		}
		must(t, c.cmd.Start())
		go func() {
			defer close(c.exited)
			_ = c.cmd.Wait() // the exit status is read from ProcessState
		}()
		t.Cleanup(func() {
			c.kill()
			if t.Failed() {
				t.Logf("the end of the receiver's log:\n%s", c.logs.tail())
			}
		})
		if ready(c) {
			return c
		}
		c.kill()
		// Another program that took the port may have answered before ours said so.
		if said := c.logs.String(); said != "" && !strings.Contains(said, "address already in use") {
			t.Fatalf("the receiver does not start:\n%s", c.logs.tail())
		}
	}
	t.Fatal("no free port")
	return nil
}

// given are the addresses that freeAddr has given.
var given sync.Map

// freeAddr asks the system for a port, no two tests for the same one: the receiver that
// came second would end, and the first one's answers would be taken for its own. Another
// program may take it before the receiver does.
func freeAddr(t testing.TB) string {
	t.Helper()
	for {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		must(t, err)
		must(t, listener.Close())
		if _, again := given.LoadOrStore(listener.Addr().String(), true); !again {
			return listener.Addr().String()
		}
	}
}

func (c *child) healthy() bool {
	client := http.Client{Timeout: startTimeout}
	defer client.CloseIdleConnections()
	return c.soon(func() bool {
		resp, err := client.Get(c.url() + "/health")
		return err == nil && resp.Body.Close() == nil && resp.StatusCode == http.StatusOK
	})
}

// listens: the process takes connections. The framework's server answers no
// health checks.
func (c *child) listens() bool {
	return c.soon(func() bool {
		conn, err := net.Dial("tcp", c.addr)
		return err == nil && conn.Close() == nil
	})
}

// soon waits until ok, while the process runs.
func (c *child) soon(ok func() bool) bool {
	for end := time.Now().Add(startTimeout); time.Now().Before(end); {
		if ok() {
			return true
		}
		select {
		case <-c.exited:
			return false
		case <-time.After(2 * time.Millisecond):
		}
	}
	return false
}

func (c *child) url() string { return "http://" + c.addr }

// kill is what a crash is: no signal handler runs. It returns when the process
// is gone.
func (c *child) kill() {
	_ = c.cmd.Process.Kill() // fails only where it is gone
	<-c.exited
}

// terminate sends SIGTERM.
func (c *child) terminate(t testing.TB) {
	t.Helper()
	must(t, c.cmd.Process.Signal(syscall.SIGTERM))
}

// exitCode waits for the end of a process after SIGTERM.
func (c *child) exitCode(t testing.TB) int {
	t.Helper()
	select {
	case <-c.exited:
	case <-time.After(stopTimeout):
		t.Fatalf("the receiver still runs %v after SIGTERM", stopTimeout)
	}
	return c.cmd.ProcessState.ExitCode()
}

// peakMemory is the most that the process had resident, in bytes.
func (c *child) peakMemory(t testing.TB) int64 {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.cmd.Process.Pid))
	if errors.Is(err, os.ErrNotExist) {
		t.Skip("the peak memory of a process is read from Linux's /proc")
	}
	must(t, err)
	for lines := bufio.NewScanner(bytes.NewReader(data)); lines.Scan(); {
		if kib, ok := strings.CutPrefix(lines.Text(), "VmHWM:"); ok {
			n, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(kib, "kB")), 10, 64)
			must(t, err)
			return n << 10
		}
	}
	t.Fatal("no VmHWM in /proc")
	return 0
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// buffer holds what a process writes.
type buffer struct {
	mu   sync.Mutex
	data bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.data.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.data.String()
}

func (b *buffer) tail() string { return tail(b.String()) }

func tail(text string) string {
	const most = 8 << 10
	return text[max(0, len(text)-most):]
}
