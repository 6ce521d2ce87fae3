package e2e

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// deployed builds a program as the buildpack builds the function.
func deployed(tb testing.TB, source string) (path string) {
	tb.Helper()
	path = filepath.Join(tb.TempDir(), "program")
	build := exec.Command("go", "build", "-tags=disable_grpc_modules", "-trimpath", "-ldflags=-s -w", "-o", path, source)
	if out, err := build.CombinedOutput(); err != nil {
		tb.Fatalf("go build: %v\n%s", err, out)
	}
	return path
}

// BenchmarkColdStart is how long a process takes from its start to its first
// 200, alternating with the Functions Framework and an empty handler: to any
// request ("serves") and to a genuine delivery, for which secrets are looked up
// and the event is published ("delivered"). Of 20 starts of each, the median.
func BenchmarkColdStart(b *testing.B) {
	const starts = 20
	receiver, framework := deployed(b, "example.com/gemini-webhook/cmd/receiver"), deployed(b, "./testdata/framework")
	got := samples{}
	for b.Loop() {
		r := newBench(b, "DOORS=public")
		r.drainQueue(b)
		r.receiver.kill()
		times := map[string][]float64{}
		peak := map[string]float64{}
		for i := range starts {
			for name, program := range map[string]*exec.Cmd{
				"framework": {Path: framework, Env: []string{"FUNCTION_TARGET=Empty"}},
				"serves":    {Path: receiver, Env: append(r.cloud.Env(), "DOORS=public")},
				"delivered": {Path: receiver, Env: append(r.cloud.Env(), "DOORS=public")},
			} {
				request := func(url string) (*http.Request, error) { return http.NewRequest(http.MethodGet, url+"/health", nil) }
				if name == "delivered" {
					request = func(url string) (*http.Request, error) {
						d := newDelivery(i)
						req, err := http.NewRequest(http.MethodPost, url+hookPath, strings.NewReader(d.body))
						if err == nil {
							req.Header = d.header
						}
						return req, err
					}
				}
				took, memory := untilFirst200(b, program, request)
				times[name] = append(times[name], took.Seconds()*1000)
				peak[name] = max(peak[name], memory)
			}
		}
		middle := func(name string) float64 {
			slices.Sort(times[name])
			return times[name][starts/2]
		}
		for name := range times {
			got.add(name+"-ms", middle(name))
			got.add(name+"-MiB", peak[name])
		}
		got.add("serves-more-ms", middle("serves")-middle("framework"))
		got.add("delivered-more-ms", middle("delivered")-middle("framework"))
		for name, path := range map[string]string{"receiver": receiver, "framework": framework} {
			info, err := os.Stat(path)
			must(b, err)
			got.add(name+"-binary-MiB", float64(info.Size())/(1<<20))
		}
	}
	got.report(b)
}

// untilFirst200 starts a program and asks it until it says 200, every fraction
// of a millisecond. It gives the time and the peak memory in MiB.
func untilFirst200(tb testing.TB, program *exec.Cmd, request func(url string) (*http.Request, error)) (took time.Duration, memory float64) {
	tb.Helper()
	addr := freeAddr(tb)
	cmd := exec.Command(program.Path)
	cmd.Env = append(program.Env, "PORT="+addr[strings.LastIndexByte(addr, ':')+1:])
	c := &child{cmd: cmd, addr: addr, exited: make(chan struct{})}
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	client := http.Client{Transport: transport, Timeout: startTimeout}
	begin := time.Now()
	must(tb, cmd.Start())
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	for time.Since(begin) < startTimeout {
		req, err := request(c.url())
		must(tb, err)
		resp, err := client.Do(req)
		if err != nil {
			time.Sleep(200 * time.Microsecond)
			continue
		}
		_, err = io.Copy(io.Discard, resp.Body)
		must(tb, err)
		must(tb, resp.Body.Close())
		took = time.Since(begin)
		if resp.StatusCode != http.StatusOK {
			tb.Fatalf("status %d", resp.StatusCode)
		}
		return took, float64(c.peakMemory(tb)) / (1 << 20)
	}
	tb.Fatal(fmt.Errorf("%s does not answer", program.Path))
	return 0, 0
}
