package buildtest

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/sethvargo/go-envconfig"

	"example.com/gemini-webhook/internal/config"
)

// grant is a row of docs/deploy.md's table: who, which role, on what.
type grant struct{ Account, Role, On string }

// documentedGrants are the table's rows for which keep says so, of why.
func documentedGrants(t *testing.T, keep func(why string) bool) []grant {
	t.Helper()
	_, text, _ := strings.Cut(readFile(t, "docs/deploy.md"), "<!-- grants -->")
	text, _, _ = strings.Cut(text, "<!-- /grants -->")
	var rows []grant
	for line := range strings.Lines(text) {
		cells := strings.Split(line, "|")
		if len(cells) < 5 || !strings.Contains(cells[2], "roles/") {
			continue
		}
		for i := range cells {
			cells[i] = strings.ReplaceAll(strings.TrimSpace(cells[i]), "`", "")
		}
		if keep(cells[4]) {
			rows = append(rows, grant{cells[1], cells[2], cells[3]})
		}
	}
	if len(rows) < 15 {
		t.Fatalf("docs/deploy.md has %d grants", len(rows))
	}
	return rows
}

// grantKinds is what the commands that grant are about.
var grantKinds = map[string]string{
	"projects": "project", "pubsub topics": "topic", "pubsub subscriptions": "subscription", "secrets": "secret",
	"storage buckets": "bucket", "run services": "service", "artifacts repositories": "repository", "iam service-accounts": "service account",
}

// scriptGrants are what the script grants, in the table's words.
func scriptGrants(t *testing.T, name string, options ...string) []grant {
	t.Helper()
	short := strings.NewReplacer("acme-prod-"+name, "P-NAME", name, "NAME")
	var found []grant
	for _, args := range gcloudCommands(dryRun(t, deployScript, options...)) {
		verb := slices.Index(args, "add-iam-policy-binding")
		if verb < 0 {
			continue
		}
		kind, on := grantKinds[strings.Join(args[:verb], " ")], strings.TrimPrefix(args[verb+1], "gs://")
		on, _, _ = strings.Cut(on, "@")
		g := grant{On: kind + " " + short.Replace(on)}
		switch {
		case kind == "project":
			g.On = kind
		case on == "gemini-api-key":
			g.On = "secret of the API key"
		case on == "acme-batches" || on == "acme-shared":
			g.On = "bucket of results"
		}
		for _, arg := range args {
			if role, ok := strings.CutPrefix(arg, "--role="); ok {
				g.Role = role
			}
			if member, ok := strings.CutPrefix(arg, "--member="); ok {
				id, domain, _ := strings.Cut(strings.TrimPrefix(member, "serviceAccount:"), "@")
				switch domain {
				case "gcp-sa-pubsub.iam.gserviceaccount.com":
					id = "Pub/Sub"
				case "gcp-sa-secretmanager.iam.gserviceaccount.com":
					id = "Secret Manager"
				case "gcp-sa-cloudscheduler.iam.gserviceaccount.com":
					id = "Cloud Scheduler"
				}
				g.Account = short.Replace(id)
			}
		}
		found = append(found, g)
	}
	return found
}

func sorted(grants []grant) []grant {
	slices.SortFunc(grants, func(a, b grant) int {
		return strings.Compare(a.Account+a.Role+a.On, b.Account+b.Role+b.On)
	})
	return slices.Compact(grants)
}

func TestGrantsAreDocumented(t *testing.T) {
	t.Parallel()
	scripts := func(why string) bool { return !strings.HasPrefix(why, "Terraform alone") }
	always := func(why string) bool { return scripts(why) && !strings.HasPrefix(why, "with ") }

	if diff := cmp.Diff(sorted(documentedGrants(t, always)), sorted(scriptGrants(t, "gemini-webhook"))); diff != "" {
		t.Errorf("required options (-docs +script):\n%s", diff)
	}
	if diff := cmp.Diff(sorted(documentedGrants(t, scripts)), sorted(scriptGrants(t, "gemini-webhook", variants["rotation"]...))); diff != "" {
		t.Errorf("rotation, results and Vertex AI (-docs +script):\n%s", diff)
	}
	single := documentedGrants(t, always)
	for i := range single {
		single[i].Account = strings.ReplaceAll(single[i].Account, "NAME-tasks", "NAME-public")
		single[i].On = strings.ReplaceAll(single[i].On, "service NAME-tasks", "service NAME")
	}
	if diff := cmp.Diff(sorted(single), sorted(scriptGrants(t, "search-gemini", variants["single service"]...))); diff != "" {
		t.Errorf("single service (-docs +script):\n%s", diff)
	}

	// The module's list, which its own tests compare with what it grants, has a
	// row for each role, kind of resource and account.
	reduced := documentedGrants(t, func(string) bool { return true })
	for i, g := range reduced {
		kind := regexp.MustCompile(`^(service account|[a-z]+)`).FindString(g.On)
		reduced[i] = grant{strings.TrimPrefix(g.Account, "NAME-"), g.Role, kind}
	}
	_, text, _ := strings.Cut(readFile(t, "terraform/README.md"), "<!-- roles -->")
	text, _, _ = strings.Cut(text, "<!-- /roles -->")
	var module []grant
	for _, m := range regexp.MustCompile("(?m)^\\| `(roles/[^`]+)` \\| ([^|]+) \\| ([^|]+) \\|").FindAllStringSubmatch(text, -1) {
		module = append(module, grant{m[3], m[1], m[2]})
	}
	if diff := cmp.Diff(sorted(module), sorted(reduced)); diff != "" {
		t.Errorf("(-terraform/README.md +docs/deploy.md):\n%s", diff)
	}
}

// functionFlags are the flags of each function's deployment.
func functionFlags(t *testing.T, options ...string) map[string]map[string]string {
	t.Helper()
	functions := map[string]map[string]string{}
	for _, args := range gcloudCommands(dryRun(t, deployScript, options...)) {
		if len(args) < 3 || args[0] != "functions" || args[1] != "deploy" {
			continue
		}
		flags := map[string]string{}
		for _, arg := range args[3:] {
			name, value, _ := strings.Cut(strings.TrimPrefix(arg, "--"), "=")
			flags[name] = value
		}
		functions[args[2]] = flags
	}
	return functions
}

// TestFunctionsStart: the environment that each function gets is one that it
// starts with.
func TestFunctionsStart(t *testing.T) {
	t.Parallel()
	for variant, doors := range map[string]map[string]config.Doors{
		"everything":     {"gemini-webhook": config.DoorsPublic, "gemini-webhook-tasks": config.DoorsTasks, "gemini-webhook-rotate": "", "gemini-webhook-reconcile": ""},
		"no canary":      {"gemini-webhook": config.DoorsPublic, "gemini-webhook-tasks": config.DoorsTasks, "gemini-webhook-reconcile": ""},
		"single service": {"search-gemini": config.DoorsBoth, "search-gemini-reconcile": ""},
	} {
		functions := functionFlags(t, variants[variant]...)
		if len(functions) != len(doors) {
			t.Errorf("%s: %d functions, want %d", variant, len(functions), len(doors))
		}
		for name, want := range doors {
			env := map[string]string{}
			for _, pair := range strings.Split(strings.TrimPrefix(functions[name]["update-env-vars"], "^;^"), ";") {
				key, value, _ := strings.Cut(strings.ReplaceAll(pair, "$PROJECT_NUMBER", "123456789012"), "=")
				env[key] = value
			}
			load := config.Load
			switch functions[name]["entry-point"] {
			case "RotateSigningSecret":
				load = config.LoadRotation
			case "Reconcile":
				load = config.LoadReconcile
			}
			got, err := load(context.Background(), envconfig.MapLookuper(env))
			switch {
			case err != nil:
				t.Errorf("%s, %s: does not start: %v", variant, name, err)
			case want != "" && got.Doors != want:
				t.Errorf("%s, %s: doors %q, want %q", variant, name, got.Doors, want)
			case want.Tasks() && variant == "everything" && len(got.ResultBuckets) != 2:
				t.Errorf("%s, %s: result buckets %v", variant, name, got.ResultBuckets)
			case name == "gemini-webhook-reconcile" && variant == "everything" && !slices.Equal(got.VertexLocations, []string{"europe-west4", "global"}):
				t.Errorf("%s, %s: locations %v", variant, name, got.VertexLocations)
			case strings.HasSuffix(name, "-reconcile") && (got.CanaryWebhook != "") != (variant != "no canary"):
				t.Errorf("%s, %s: pings %q", variant, name, got.CanaryWebhook)
			case want.Tasks() && !strings.HasPrefix(got.PushAudience, "https://"+name+"-123456789012."):
				t.Errorf("%s, %s: audience %s", variant, name, got.PushAudience)
			}
			if functions[name]["runtime"] != "go126" || !strings.Contains(functions[name]["set-build-env-vars"], buildEnv[0]) {
				t.Errorf("%s, %s: not built as tested: %v", variant, name, functions[name])
			}
		}
	}
}

// TestScriptAsTerraform compares settings with those of the module's source.
func TestScriptAsTerraform(t *testing.T) {
	t.Parallel()
	printed := dryRun(t, deployScript, variants["rotation"]...)
	flags := functionFlags(t, variants["rotation"]...)
	sizes := map[string]string{ // of the function, where the module has its
		"gemini-webhook":           `(?s)variable "public_door".*?EOT|variable "public_door" \{.*?\n\}`,
		"gemini-webhook-tasks":     `(?s)variable "private_door" \{.*?\n\}`,
		"gemini-webhook-rotate":    `(?s)"RotateSigningSecret".*?\}`,
		"gemini-webhook-reconcile": `(?s)"Reconcile".*?\}`,
	}
	source := readFile(t, "terraform/modules/options/variables_doors.tf") + readFile(t, "terraform/functions.tf")
	for function, where := range sizes {
		block := regexp.MustCompile(where).FindString(source)
		for member, flag := range map[string]string{"memory_mib": "memory", "cpu": "cpu", "concurrency": "concurrency", "min_instances": "min-instances", "max_instances": "max-instances", "timeout_seconds": "timeout"} {
			m := regexp.MustCompile(member + `\s+= (?:optional\(number, )?(\d+)`).FindStringSubmatch(block)
			if m == nil {
				t.Errorf("%s: the module's %s was not found", function, member)
			} else if got := strings.TrimRight(flags[function][flag], "Mis"); got != m[1] {
				t.Errorf("%s: --%s=%s, the module has %s", function, flag, got, m[1])
			}
		}
	}

	apis := regexp.MustCompile(`"([a-z]+\.googleapis\.com)"`)
	base, _, _ := strings.Cut(readFile(t, "terraform/apis.tf"), "],")
	want := []string{"aiplatform.googleapis.com", "cloudscheduler.googleapis.com", "eventarc.googleapis.com"}
	for _, m := range apis.FindAllStringSubmatch(base, -1) {
		want = append(want, m[1])
	}
	_, got, _ := strings.Cut(printed, "gcloud services enable ")
	got, _, _ = strings.Cut(got, " --")
	enabled := strings.Fields(strings.ReplaceAll(got, "\\\n", " "))
	slices.Sort(want)
	slices.Sort(enabled)
	if diff := cmp.Diff(want, enabled); diff != "" {
		t.Errorf("APIs (-module +script):\n%s", diff)
	}

	for _, pair := range [][3]string{ // in the script; in the module's file; as
		{`"--message-filter=attributes.kind = \"event\""`, "queue.tf", `events = "event"`},
		{`"--message-filter=attributes.kind = \"range\""`, "queue.tf", `ranges = "range"`},
		{"--ack-deadline=600", "queue.tf", "ack_deadline_seconds       = 600"},
		{"--min-retry-delay=10s", "queue.tf", `minimum_backoff = "10s"`},
		{"--max-retry-delay=600s", "queue.tf", `maximum_backoff = "600s"`},
		{"--max-delivery-attempts=30", "main.tf", "max_delivery_attempts = 30"},
		{"--message-retention-duration=31d", "main.tf", `dead_letter_retention = "2678400s"`},
		{"--push-auth-token-audience=https://gemini-webhook-tasks-$PROJECT_NUMBER.europe-west1.run.app", "main.tf", `"https://${local.functions[local.tasks_function]}-${local.project_number}.${var.region}.run.app"`},
		{"create gemini-webhook-outcomes --message-retention-duration=7d", "modules/options/variables_options.tf", "outcomes_retention_days = optional(number, 7)"},
		{"create gemini-webhook-results --message-retention-duration=3d", "modules/options/variables_options.tf", "results_retention_days  = optional(number, 3)"},
		{"--expiration-period=never", "queue.tf", `ttl = "" # never`},
		{"--clear-soft-delete", "storage.tf", "retention_duration_seconds = 0"},
		{"--uniform-bucket-level-access", "storage.tf", "uniform_bucket_level_access = true"},
		{"--public-access-prevention", "storage.tf", `public_access_prevention    = "enforced"`},
		{`"condition": {"age": 90}`, "modules/options/variables_options.tf", "delete_after_days = optional(number, 90)"},
		{"buckets create gs://acme-prod-gemini-webhook-archive", "main.tf", `"${var.project_id}-${var.name}-archive"`},
		{"--soft-delete-duration=7d", "storage.tf", "retention_duration_seconds = 604800"},
		{";ARCHIVE_BUCKET=acme-prod-gemini-webhook-archive;", "environment.tf", "ARCHIVE_BUCKET        = local.archive.name"},
		{`"condition": {"age": 60}`, "modules/options/variables_options.tf", "retention_days = optional(number, 60)"},
		{`"--schedule=*/15 * * * *"`, "modules/options/variables_webhook.tf", `schedule         = optional(string, "*/15 * * * *")`},
		{"--time-zone=Etc/UTC", "reconcile.tf", `time_zone   = "Etc/UTC"`},
		{"--message-body=reconcile", "reconcile.tf", `base64encode("reconcile")`},
		{"--max-retry-attempts=3", "reconcile.tf", "retry_count = 3"},
		{"create gemini-webhook-reconcile --message-retention-duration=1d", "reconcile.tf", `message_retention_duration = "86400s"`},
		{";VERTEX_LOCATIONS=europe-west4;", "environment.tf", `VERTEX_LOCATIONS = join(",", local.vertex_locations)`},
		{";CANARY_WEBHOOK=gemini-webhook;", "environment.tf", "CANARY_WEBHOOK = var.name"},
		{"--ingress-settings=internal-only", "functions.tf", `"ALLOW_INTERNAL_ONLY"`},
		{`httpRequest.requestUrl=~\"^https?://[^/]+/.*([A-Za-z0-9_-]|%(2[5Dd]|[3-7][0-9A-Fa-f])){32}\"`, "logging.tf", `httpRequest.requestUrl=~\"^https?://[^/]+/.*([A-Za-z0-9_-]|%(2[5Dd]|[3-7][0-9A-Fa-f])){32}\"`},
		{"/gemini\"", "modules/options/variables_webhook.tf", `optional(string, "/gemini")`},
	} {
		if !strings.Contains(printed, pair[0]) {
			t.Errorf("the script has no %s", pair[0])
		}
		if !strings.Contains(readFile(t, "terraform/"+pair[1]), pair[2]) {
			t.Errorf("terraform/%s has no %s: does the script still do the same?", pair[1], pair[2])
		}
	}
}
