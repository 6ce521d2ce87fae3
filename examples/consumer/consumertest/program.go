package consumertest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"net"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"
)

// stopTimeout is Cloud Run's, between SIGTERM and SIGKILL.
const stopTimeout = 10 * time.Second

// process is a running program.
type process struct {
	address string // where it listens, host:port; "" where it does not
	cmd     *exec.Cmd
	said    buffer // its standard error
	reports chan Report
	exited  chan struct{}
}

// start runs a program that listens on PORT, and waits until it takes connections. The end
// of the test kills it.
func start(t *testing.T, program *exec.Cmd) *process {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0") // another program may take the port before ours does
	must(t, err)
	must(t, listener.Close())
	address := listener.Addr().String()
	_, port, err := net.SplitHostPort(address)
	must(t, err)
	program.Env = append(program.Env, "PORT="+port)
	p := launch(t, program)
	p.address = address
	p.listens(t)
	return p
}

func (p *process) url() string { return "http://" + p.address }

func (p *process) listens(t *testing.T) {
	t.Helper()
	wait(t, "a program that listens on PORT", func() bool {
		select {
		case <-p.exited:
			t.Fatal("the program does not start")
		default:
		}
		conn, err := net.Dial("tcp", p.address)
		return err == nil && conn.Close() == nil
	})
}

// launch runs a program and reads what it reports.
func launch(t *testing.T, program *exec.Cmd) *process {
	t.Helper()
	p := &process{cmd: program, reports: make(chan Report, 100), exited: make(chan struct{})}
	program.Stderr = &p.said
	out, err := program.StdoutPipe()
	must(t, err)
	must(t, program.Start())
	go func() {
		defer close(p.exited)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			var report Report
			if json.Unmarshal(lines.Bytes(), &report) == nil && report.ResourceID != "" {
				p.reports <- report
			}
		}
		_ = program.Wait() // after the end of its output; how it ended is not judged
	}()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("the end of what %s said:\n%s", program, p.said.tail())
		}
	})
	return p
}

// again starts a program that has ended once more, with all that it had.
func (p *process) again(t *testing.T) *process {
	t.Helper()
	program := exec.Command(p.cmd.Path)
	program.Args, program.Env, program.Dir = p.cmd.Args, p.cmd.Env, p.cmd.Dir
	next := launch(t, program)
	if next.address = p.address; next.address != "" {
		next.listens(t)
	}
	return next
}

// kill is what a crash is. It returns when the process is gone.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // fails only where it is gone
	<-p.exited
}

// stop sends SIGTERM, and waits for the end.
func (p *process) stop(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatal(err)
	}
	select {
	case <-p.exited:
	case <-time.After(stopTimeout):
		t.Errorf("the program still runs %v after SIGTERM", stopTimeout)
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

func (b *buffer) tail() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	const most = 8 << 10
	return b.data.String()[max(0, b.data.Len()-most):]
}
