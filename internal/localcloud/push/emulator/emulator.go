// Package emulator starts Google's Pub/Sub emulator, the Java program that
// comes with the Google Cloud CLI, for tests that want a second opinion on
// what the in-process fake does. It needs a Unix system.
package emulator

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// Errors of Start.
var (
	// ErrNotInstalled means that there is no emulator or no Java here; the
	// wrapping error says which.
	ErrNotInstalled = errors.New("pubsub emulator is not installed")
	// ErrNotReady means that it did not accept connections in time, or ended.
	ErrNotReady = errors.New("pubsub emulator did not become ready")
)

const (
	startTimeout = 60 * time.Second // it takes two seconds; a busy machine needs more
	stopTimeout  = 5 * time.Second  // between the polite and the other signal
)

// Start runs an emulator on a free port of 127.0.0.1 and returns its host:port
// once it serves gRPC. stop ends its whole process group and waits for it; it
// may be called more than once. The end of ctx stops it too. Nothing is kept
// on disk.
func Start(ctx context.Context) (hostport string, stop func(), err error) {
	java, jar, err := find()
	if err != nil {
		return "", nil, err
	}
	port, err := freePort()
	if err != nil {
		return "", nil, err
	}
	hostport = net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	ctx, cancel := context.WithCancel(ctx)
	cmd := exec.CommandContext(ctx, java, "-Xmx512m", "-jar", jar, "--host=127.0.0.1", "--port="+strconv.Itoa(port))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = stopTimeout
	if err := cmd.Start(); err != nil {
		cancel()
		return "", nil, fmt.Errorf("%w: %w", ErrNotReady, err)
	}
	exited := make(chan struct{})
	go func() {
		defer close(exited)
		_ = cmd.Wait()
		cancel()                                            // where it ended by itself, nobody waits for it
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // a child of it may live on
	}()
	stop = func() { cancel(); <-exited }
	if err := waitReady(ctx, hostport); err != nil {
		stop()
		return "", nil, err
	}
	return hostport, stop, nil
}

// find locates java and the emulator of the gcloud on the PATH.
func find() (java, jar string, err error) {
	gcloud, err := exec.LookPath("gcloud")
	if err != nil {
		return "", "", fmt.Errorf("%w: gcloud is not on the PATH", ErrNotInstalled)
	}
	if gcloud, err = filepath.EvalSymlinks(gcloud); err != nil {
		return "", "", fmt.Errorf("%w: %w", ErrNotInstalled, err)
	}
	root := filepath.Dir(filepath.Dir(gcloud))
	jars, err := filepath.Glob(filepath.Join(root, "platform", "pubsub-emulator", "lib", "*.jar"))
	if err != nil || len(jars) == 0 {
		return "", "", fmt.Errorf("%w: run gcloud components install pubsub-emulator", ErrNotInstalled)
	}
	if home := os.Getenv("JAVA_HOME"); home != "" {
		return filepath.Join(home, "bin", "java"), jars[0], nil
	}
	java, err = exec.LookPath("java")
	if err != nil {
		return "", "", fmt.Errorf("%w: java is not on the PATH", ErrNotInstalled)
	}
	return java, jars[0], nil
}

// freePort asks the system for a port. Another program could take it before
// the emulator does; Start then fails with ErrNotReady.
func freePort() (int, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("pubsub emulator: find a port: %w", err)
	}
	defer ln.Close()
	return ln.Addr().(*net.TCPAddr).Port, nil
}

// waitReady makes a call that waits for the connection.
func waitReady(ctx context.Context, hostport string) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	conn, err := grpc.NewClient(hostport, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNotReady, err)
	}
	defer conn.Close()
	_, err = pubsubpb.NewPublisherClient(conn).ListTopics(ctx, &pubsubpb.ListTopicsRequest{Project: "projects/p"}, grpc.WaitForReady(true))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNotReady, err)
	}
	return nil
}
