package buildtest

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// changing are commands that change what Terraform, or the script, has set.
var changing = regexp.MustCompile(`gcloud (functions deploy|run services update|run services update-traffic|\S+ \S+ (update|add-iam-policy-binding)|secrets update)\b`)

// TestRunbooksNameTerraform: where a runbook speaks of a setting that is an
// input of the module, it names the input, for a change by hand is undone by the
// next apply. And a function is never deployed without its sources.
func TestRunbooksNameTerraform(t *testing.T) {
	t.Parallel()
	input := regexp.MustCompile(`([A-Z][A-Z_]+) +=.*module\.options\.([a-z_]+\.[a-z_]+)`)
	inputs := map[string]string{"RESULT_BUCKETS": "results.buckets", "GEMINI_API_KEY_SECRET": "api_key_secret"}
	for _, m := range input.FindAllStringSubmatch(readFile(t, "terraform/environment.tf"), -1) {
		inputs[m[1]] = m[2]
	}
	if len(inputs) < 12 {
		t.Fatalf("only %d inputs were found in terraform/environment.tf: %v", len(inputs), inputs)
	}
	runbooks, err := filepath.Glob("../../docs/runbooks/*.md")
	if err != nil || len(runbooks) == 0 {
		t.Fatalf("no runbooks: %v", err)
	}
	for _, path := range runbooks {
		name := "docs/runbooks/" + filepath.Base(path)
		text := readFile(t, name)
		for setting, input := range inputs {
			if strings.Contains(text, "`"+setting+"`") && !strings.Contains(text, input) {
				t.Errorf("%s speaks of %s and does not name the module's input %s", name, setting, input)
			}
		}
		if command := changing.FindString(text); command != "" && !strings.Contains(text, "With Terraform") {
			t.Errorf("%s has %s, and does not say how with Terraform", name, command)
		}
		for _, command := range regexp.MustCompile(`gcloud functions deploy (?:[^\n`+"`"+`]*\\\n)*[^\n`+"`"+`]*`).FindAllString(text, -1) {
			if !strings.Contains(command, "--source") {
				t.Errorf("%s deploys whatever is in the current directory: %s", name, command)
			}
		}
	}
}
