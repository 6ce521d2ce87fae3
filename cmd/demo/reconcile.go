package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"

	"github.com/GoogleCloudPlatform/functions-framework-go/funcframework"

	receiver "example.com/gemini-webhook"
)

// program is this program, run once more as the function Reconcile: a process serves
// one function.
type program struct {
	cmd *exec.Cmd
	in  io.Closer // the program ends with its input
}

// isReconcile says whether this is that program.
func isReconcile() bool { return os.Getenv("FUNCTION_TARGET") == receiver.TargetReconcile }

// serveReconcile serves the function, which was made ready when package receiver was
// loaded, until standard input ends: also where nobody could stop it.
func serveReconcile() {
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	err := funcframework.StartHostPort("127.0.0.1", os.Getenv("PORT"))
	fmt.Fprintln(os.Stderr, "Reconcile:", err)
	os.Exit(1)
}

// startReconcile starts the program, with the environment of the receiver and what the
// function alone reads. It does not wait: deliveries are repeated until it answers.
func (d *demo) startReconcile(ctx context.Context) (url string, err error) {
	port, err := freePort()
	if err != nil {
		return "", err
	}
	path, err := os.Executable()
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, path)
	cmd.Env = append(os.Environ(), "FUNCTION_TARGET="+receiver.TargetReconcile, "PORT="+port, "RECONCILE_GRACE="+grace.String())
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return "", err
	}
	if err := cmd.Start(); err != nil {
		return "", err
	}
	d.reconciler = &program{cmd, in}
	url = "http://127.0.0.1:" + port
	d.screen.say("the function Reconcile is a process of its own, at %s; its grace of 30 minutes takes %.1f s here", url, grace.Seconds())
	return url, nil
}

func (p *program) end() {
	_ = p.in.Close()
	_ = p.cmd.Wait() // however it ends
}
