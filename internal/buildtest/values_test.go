package buildtest

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// evil are values that make a file called "evaluated" where a shell or make
// evaluates them.
var evil = map[string]string{
	"a substitution":     "$(touch evaluated)",
	"backquotes":         "`touch evaluated`",
	"a function of make": "$(shell touch evaluated)",
	"the same, escaped":  "$$(touch evaluated)",
	"a command":          "x; touch evaluated; #",
	"and":                "x && touch evaluated && :",
	"a pipe":             "x | touch evaluated",
	"behind a quote":     `x"; touch evaluated; "`,
	"behind a tick":      "x'; touch evaluated; '",
	"a line":             "x\ntouch evaluated\n",
	"a line in a tick":   "x'\ntouch evaluated #'",
	"in an index":        "a[$(touch evaluated)]",
	"of a parameter":     "${x:-$(touch evaluated)}",
}

// evaluated wants that nothing was, in any of the directories.
func evaluated(t *testing.T, what string, dirs ...string) {
	t.Helper()
	for _, dir := range dirs {
		path := filepath.Join(dir, "evaluated")
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s was evaluated in %s", what, dir)
			if err := os.Remove(path); err != nil {
				t.Error(err)
			}
		}
	}
}

// noting are programs that write their arguments, one a line, to a file.
func noting(t *testing.T, names ...string) (bin, calls string) {
	t.Helper()
	bin = t.TempDir()
	calls = filepath.Join(bin, "calls")
	for _, name := range names {
		text := "#!/bin/sh\nprintf '%s\\n' " + name + " \"$@\" >>" + calls + "\n"
		writeFile(t, filepath.Join(bin, name), text)
	}
	return bin, calls
}

// makeIn runs make in a directory that has the Makefile and scripts that only note
// that they were run.
func makeIn(t *testing.T, env []string, args ...string) (out, calls, dir string, err error) {
	t.Helper()
	dir = t.TempDir()
	bin, file := noting(t, "terraform", "go", "fuzz", "bench")
	for path, text := range map[string]string{
		"Makefile": readFile(t, "Makefile"), "internal/version/version.go": "const base = \"1.0.0\"\n",
		"scripts/deploy-terraform.sh": readFile(t, "scripts/deploy-terraform.sh"), "scripts/provider": "#!/bin/sh\necho 1.0.0\n", "terraform/versions.tf": "",
		"scripts/fuzz": "#!/bin/sh\nexec fuzz \"$FUZZTIME\"\n", "scripts/bench": "#!/bin/sh\nexec bench \"$RUNS\"\n", "terraform/provider/go.mod": "",
	} {
		path = filepath.Join(dir, path)
		must(t, errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o755)))
	}
	cmd := exec.Command("make", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"), "MAKEFLAGS=")
	cmd.Env = append(cmd.Env, env...)
	printed, err := cmd.CombinedOutput()
	text, readErr := os.ReadFile(file)
	if readErr != nil && !errors.Is(readErr, fs.ErrNotExist) {
		t.Fatal(readErr)
	}
	evaluated(t, strings.Join(append(args, env...), " "), dir, filepath.Join(dir, "terraform"), filepath.Join(dir, "terraform/provider"), moduleRoot(t))
	return string(printed), string(text), dir, err
}

// TestMakeEvaluatesNothing: a variable of make is a text, on the command line and
// in the environment.
func TestMakeEvaluatesNothing(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("make"); err != nil {
		t.Skip("make is not in PATH")
	}
	given := map[string]string{ // of each variable, a target that uses it
		"PROJECT": "deploy", "REGION": "deploy", "API_KEY_SECRET": "destroy", "BACKEND": "deploy", "PKG": "test", "KEEP": "demo",
		"FUZZTIME": "fuzz", "SOAK": "soak", "SOAK_LINES": "soak", "RUNS": "bench",
	}
	for variable, target := range given {
		for name, value := range evil {
			t.Run(variable+" "+name, func(t *testing.T) {
				t.Parallel()
				for _, byEnvironment := range []bool{false, true} {
					args, env := []string{target}, []string{variable + "=" + value}
					if target == "deploy" || target == "destroy" {
						env = append([]string{"PROJECT=acme-prod"}, env...)
					}
					if !byEnvironment {
						args, env = append(args, env...), nil
					}
					out, calls, _, err := makeIn(t, env, args...)
					switch {
					case target == "deploy" || target == "destroy":
						if err == nil || !strings.Contains(out, "wants") || strings.Contains(calls, "terraform") {
							t.Errorf("%v: %s\n%s\nwant it refused before terraform is run", err, out, calls)
						}
					case variable == "FUZZTIME" || variable == "RUNS":
						if want := target + "\n" + value + "\n"; calls != want {
							t.Errorf("the script got %q, want %q", calls, want)
						}
					}
				}
			})
		}
	}
	out, calls, _, err := makeIn(t, nil, "deploy", "PROJECT=acme-prod", "REGION=europe-west1")
	const want = "terraform\n-chdir=terraform\napply\n-var=project_id=acme-prod\n-var=region=europe-west1\n"
	if err != nil || !strings.HasSuffix(calls, want) {
		t.Errorf("deploy: %v, %s\n%s\nwant it to end in\n%s", err, out, calls, want)
	}
	if out, _, _, err := makeIn(t, []string{"PROJECT="}, "deploy"); err == nil || !strings.Contains(out, "say which project") {
		t.Errorf("deploy without a project: %v, %s", err, out)
	}
}

// TestScriptsEvaluateNothing: neither do the scripts evaluate what they are given,
// nor does what a dry run prints.
func TestScriptsEvaluateNothing(t *testing.T) {
	t.Parallel()
	bin, calls := noting(t, "gcloud", "go")
	good := map[string][2]string{ // what stands before and behind the value
		"--project": {"acme-", ""}, "--region": {"europe-", "west1"}, "--api-key-secret": {"projects/p/secrets/", ""}, "--name": {"gemini", ""},
		"--url": {"https://receiver.example", ""}, "--result-bucket": {"bucket/", "/"}, "--rotation-period": {"2592000", "s"},
		"--reconcile-schedule": {"7 * * * ", ""}, "--scheduler-region": {"europe-", "west1"}, "--vertex-location": {"europe-", "west1"},
		"--notification-channel": {"projects/p/notificationChannels/", "1"}, "--alert-threshold": {"dead_letters=", "1"}, "--runbook-base-url": {"https://git.example/", "/x"},
	}
	smokes := []string{"--project", "--name", "--api-key-secret"}
	unused := []string{"--url", "--rotation-period", "--reconcile-schedule", "--vertex-location"} // by destroying
	for option, around := range good {
		for name, value := range evil {
			for _, given := range []string{value, around[0] + value + around[1]} {
				for _, path := range []string{deployScript, destroyScript, smokeScript} {
					if path == destroyScript && given != value || path == smokeScript && !slices.Contains(smokes, option) {
						continue // deployScript's lines read it, or none do; a run takes a while
					}
					options := append(slices.Clone(required), option+"="+given, "--dry-run", "--yes")
					if path == smokeScript {
						options = []string{required[0], required[2], option + "=" + given}
					}
					out, err := script(t, bin, nil, path, options...)
					if err == nil && (path != destroyScript || !slices.Contains(unused, option)) {
						t.Errorf("%s %s=%q (%s) is accepted:\n%.300s", path, option, given, name, out)
					}
				}
			}
		}
	}
	evaluated(t, "an option", moduleRoot(t))
	if text, err := os.ReadFile(calls); err == nil {
		t.Errorf("called: %s", text)
	}
}

// TestPrintedScriptsEvaluateNothing: what may be in a prefix of results is in the
// printed script as it was given.
func TestPrintedScriptsEvaluateNothing(t *testing.T) {
	t.Parallel()
	const bucket = "acme-batches/it's(a)|touch&c<evaluated>!e*?~{f}[g]#%=:@^+/"
	printed := filepath.Join(t.TempDir(), "printed.sh")
	writeFile(t, printed, dryRun(t, deployScript, "--result-bucket="+bucket))
	bin, calls := noting(t, "go", "curl")
	text := "#!/bin/sh\nprintf '%s\\n' \"$@\" >>" + calls + "\ncase \"$*\" in *projectNumber*) echo 123456789012 ;; *) echo value ;; esac\n"
	writeFile(t, filepath.Join(bin, "gcloud"), text)
	if out, err := script(t, bin, nil, printed); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	got, err := os.ReadFile(calls)
	must(t, err)
	if !strings.Contains(string(got), "RESULT_BUCKETS="+bucket) {
		t.Errorf("gcloud was not given %s", bucket)
	}
	evaluated(t, bucket, moduleRoot(t))
}

// TestBucketsOfOthersAreNotAdopted: the names of the receiver's buckets can be guessed,
// and whoever makes one first can let us use it.
func TestBucketsOfOthersAreNotAdopted(t *testing.T) {
	t.Parallel()
	const prefix, ours, another = "storage/buckets/acme-prod-gemini-webhook-", "123456789012", "987654321"
	printed := filepath.Join(t.TempDir(), "printed.sh")
	writeFile(t, printed, dryRun(t, deployScript))
	for name, run := range map[string]func(fakeCloud) (string, error){
		"script":  func(c fakeCloud) (string, error) { return script(t, fakeBin(t), c.env, deployScript, required...) },
		"printed": func(c fakeCloud) (string, error) { return script(t, fakeBin(t), c.env, printed) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, there := range [][2]string{{"state", ours}, {"state", another}, {"archive", another}} {
				bucket, number, ok := prefix+there[0], there[1], there[1] == ours
				cloud := newFakeCloud(t, "gemini-webhook")
				writeFile(t, filepath.Join(cloud.state, bucket), number)
				out, err := run(cloud)
				if ok != (err == nil) || ok == strings.Contains(out, "of another project") {
					t.Errorf("%s of project %s: %v\n%s", bucket, number, err, out)
				}
				if log := strings.Join(cloud.log(t), "\n"); !ok && (strings.Contains(log, "changed "+bucket) || strings.Contains(log, "grants/"+strings.ReplaceAll(bucket, "/", "_"))) {
					t.Errorf("the bucket of another project is used:\n%s", log)
				}
			}
		})
	}
}

// TestCloudBuildsBucketIsTheProjects: the same of the bucket of Terraform's state.
func TestCloudBuildsBucketIsTheProjects(t *testing.T) {
	t.Parallel()
	steps := buildSteps(t, deployBuild)
	i := slices.IndexFunc(steps, func(s buildStep) bool { return s.ID == "state-bucket" })
	if i < 0 {
		t.Fatal("there is no step state-bucket")
	}
	for name, test := range map[string]struct {
		there, number string
		ok            bool
		log           []string
	}{
		"none yet":           {"", "", true, []string{"made storage/buckets/acme-state", "looked storage/buckets/acme-state", "changed storage/buckets/acme-state"}},
		"ours":               {"yes", "123456789012", true, []string{"looked storage/buckets/acme-state", "looked storage/buckets/acme-state", "changed storage/buckets/acme-state"}},
		"of another project": {"yes", "987654321", false, []string{"looked storage/buckets/acme-state", "looked storage/buckets/acme-state"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cloud := newFakeCloud(t, "gemini-webhook")
			if test.there != "" {
				writeFile(t, filepath.Join(cloud.state, "storage/buckets/acme-state"), test.number)
			}
			path := filepath.Join(t.TempDir(), "step.sh")
			writeFile(t, path, steps[i].Script)
			env := append(cloud.env, "STATE_BUCKET=acme-state", "PROJECT=acme-prod", "PROJECT_NUMBER=123456789012", "REGION=europe-west1")
			out, err := script(t, fakeBin(t), env, path)
			if test.ok != (err == nil) || test.ok == strings.Contains(out, "of another project") {
				t.Errorf("%v\n%s", err, out)
			}
			if got := cloud.log(t); !slices.Equal(got, test.log) {
				t.Errorf("did %q, want %q", got, test.log)
			}
		})
	}
}
