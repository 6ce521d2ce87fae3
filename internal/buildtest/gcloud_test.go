package buildtest

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// parserRequest and parserAnswer are testdata/gcloud.py's.
type parserRequest struct {
	Commands [][]string `json:"commands"`
	Build    string     `json:"build"`
}

type parserAnswer struct {
	Errors []string        `json:"errors"`
	Build  json.RawMessage `json:"build"`
}

// askGcloud has the installed gcloud's parser look at commands without running
// them. It has no credentials and no network.
func askGcloud(t *testing.T, request parserRequest) parserAnswer {
	t.Helper()
	if testing.Short() {
		t.Skip("gcloud takes seconds to start; run without -short")
	}
	gcloud, err := exec.LookPath("gcloud")
	if err != nil {
		t.Skip("gcloud is not in PATH; install the Google Cloud CLI to have its parser check commands and cloudbuild.yaml")
	}
	if gcloud, err = filepath.EvalSymlinks(gcloud); err != nil {
		t.Fatal(err)
	}
	sdk := filepath.Dir(filepath.Dir(gcloud))
	lib := filepath.Join(sdk, "lib")
	if _, err := os.Stat(filepath.Join(lib, "googlecloudsdk")); err != nil {
		t.Skipf("gcloud is here, but not its library: %v", err)
	}
	python := filepath.Join(sdk, "platform/bundledpythonunix/bin/python3")
	if _, err := os.Stat(python); err != nil {
		if python, err = exec.LookPath("python3"); err != nil {
			t.Skip("neither gcloud's Python nor python3 is here")
		}
	}
	stdin, err := json.Marshal(request)
	must(t, err)
	cmd := exec.Command(python, "-S", filepath.Join(moduleRoot(t), "internal/buildtest/testdata/gcloud.py"), lib)
	cmd.Stdin = bytes.NewReader(stdin)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "CLOUDSDK_CONFIG=" + t.TempDir(),
		"CLOUDSDK_CORE_DISABLE_PROMPTS=1", "CLOUDSDK_CORE_DISABLE_USAGE_REPORTING=1", "CLOUDSDK_CORE_PROJECT=parsed-only",
		"PYTHONDONTWRITEBYTECODE=1",
	}
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("gcloud.py: %v\n%s", err, stderr.String())
	}
	var answer parserAnswer
	if err := json.Unmarshal(out, &answer); err != nil {
		t.Fatalf("gcloud.py: %v\n%s", err, out)
	}
	if len(answer.Errors) != len(request.Commands) {
		t.Fatalf("%d verdicts on %d commands", len(answer.Errors), len(request.Commands))
	}
	return answer
}

// fenced are the shell blocks of a Markdown file; inline, what is code in its text.
var (
	fenced = regexp.MustCompile("(?ms)^```(?:sh|bash|console)\n(.*?)^```$")
	inline = regexp.MustCompile("`([^`\n]+)`")
)

// documentedCommands are the commands of a Markdown file that begin with the
// given words, without these: those in its shell blocks, and those named in its
// text, which may be incomplete.
func documentedCommands(text string, first ...string) (whole, named [][]string) {
	pick := func(script string) (found [][]string) {
		for _, words := range shellCommands(script) {
			if len(words) > len(first) && slices.Equal(words[:len(first)], first) {
				found = append(found, words[len(first):])
			}
		}
		return found
	}
	for _, m := range fenced.FindAllStringSubmatch(text, -1) {
		whole = append(whole, pick(m[1])...)
	}
	for _, m := range inline.FindAllStringSubmatch(fenced.ReplaceAllString(text, ""), -1) {
		if !strings.Contains(m[1], "…") {
			named = append(named, pick(m[1])...)
		}
	}
	return whole, named
}

// expansion is a variable or a $() in a word; the parser sees a value there.
var expansion = regexp.MustCompile(`\$(\(\)|\{[^}]*\}|[A-Za-z_][A-Za-z0-9_]*)`)

func expanded(words []string) []string {
	values := slices.Clone(words)
	for i, word := range values {
		values[i] = expansion.ReplaceAllString(word, "some-value")
	}
	return values
}

// incomplete marks where a command is only named: what it lacks is not wrong.
const incomplete = "the text of "

// TestGcloudAcceptsCommands: every gcloud command in scripts and documents has
// flags and arguments that gcloud knows, and cloudbuild.yaml is a build.
func TestGcloudAcceptsCommands(t *testing.T) {
	t.Parallel()
	var request parserRequest
	var from []string
	seen, filled := map[string]bool{}, filledFiles(t)
	add := func(where string, commands [][]string) int {
		for _, args := range commands {
			args = slices.Clone(args)
			for i, arg := range args { // gcloud reads some files at once
				args[i] = strings.ReplaceAll(arg, "$MONITORING", filled)
			}
			args = expanded(args)
			if key := strings.Join(args, "\x00"); !seen[key] {
				seen[key] = true
				request.Commands, from = append(request.Commands, args), append(from, where)
			}
		}
		return len(commands)
	}
	for variant, options := range variants {
		for _, path := range []string{deployScript, destroyScript} {
			add(path+", "+variant, gcloudCommands(dryRun(t, path, options...)))
		}
	}
	if add(smokeScript, gcloudCommands(readFile(t, smokeScript))) == 0 {
		t.Errorf("no gcloud command was found in %s", smokeScript)
	}
	documented := 0
	for file, text := range filesOf(t, ".md") {
		whole, named := documentedCommands(text, "gcloud")
		documented += add(file, whole)
		add(incomplete+file, named)
	}
	if documented < 10 {
		t.Errorf("%d gcloud commands were found in the documents", documented)
	}
	for _, step := range buildSteps(t, deployBuild) {
		add(deployBuild+", "+step.ID, gcloudCommands(step.Script))
	}
	// What must be refused, so that the parser is known to look.
	wrong := [][]string{
		{"pubsub", "topics", "create", "t", "--retention=7d"},
		{"pubsub", "topics", "create"},
		{"functions", "deploy", "f", "--gen2", "--region=r", "--timeout=soon"},
		{"pubsub", "topic", "create", "t"},
		{"run", "services", "add-iam-policy-binding", "s", "--role=r", "--region=r"},
	}
	accepted := len(request.Commands)
	request.Commands = append(request.Commands, wrong...)

	answer := askGcloud(t, request)
	for i, said := range answer.Errors[:accepted] {
		unknown := strings.Contains(said, "unrecognized arguments") || strings.Contains(said, "Invalid choice")
		if said != "" && (unknown || !strings.HasPrefix(from[i], incomplete)) {
			first, _, _ := strings.Cut(said, "\nUsage:")
			t.Errorf("%s: gcloud %s\n%s", from[i], strings.Join(request.Commands[i], " "), first)
		}
	}
	for i, said := range answer.Errors[accepted:] {
		if said == "" {
			t.Errorf("gcloud's parser accepts gcloud %s", strings.Join(wrong[i], " "))
		}
	}
}
