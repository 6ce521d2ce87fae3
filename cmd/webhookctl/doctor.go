package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/storage"

	"example.com/gemini-webhook/internal/doctor"
	"example.com/gemini-webhook/internal/secret"
	"example.com/gemini-webhook/internal/vertexapi"
)

// examination is "webhookctl doctor".
type examination struct {
	Project string `required:"" env:"GOOGLE_CLOUD_PROJECT" placeholder:"P" help:"Project of the deployment."`
	Name    string `default:"gemini-webhook" help:"What the names of its resources begin with (Terraform's variable name)."`
	URL     string `name:"url" required:"" env:"RECEIVER_URL" placeholder:"https://…" help:"Address of the public door, without the webhook's path."`
	geminiFlags

	SigningSecret    secret.Name  `env:"SIGNING_SECRET" placeholder:"projects/P/secrets/NAME-signing-secret" help:"Secret of the signing secrets."`
	TokenSecret      *secret.Name `env:"DYNAMIC_TOKEN_SECRET" placeholder:"projects/P/secrets/NAME-token" help:"Secret of the path tokens; empty where dynamic deliveries are not configured."`
	WithoutAPIKey    bool         `name:"without-api-key" help:"The private door has no Gemini API key (Terraform's results.files_api is false): say what does not work, and fail for nothing of it."`
	WithoutReconcile bool         `help:"Nothing looks for jobs whose event did not come (Terraform's reconcile is null): say what that means, and check nothing of it."`
	VertexLocations  []string     `env:"VERTEX_LOCATIONS" placeholder:"LOCATION" help:"Locations whose Vertex AI batch jobs are looked at, comma-separated."`
	StateBucket      string       `env:"STATE_BUCKET" placeholder:"P-NAME-state" help:"Bucket of plans and markers."`
	ArchiveBucket    string       `env:"ARCHIVE_BUCKET" placeholder:"P-NAME-archive" help:"Bucket of the copies of what Gemini deletes."`
	ResultBuckets    []string     `env:"RESULT_BUCKETS" placeholder:"BUCKET[/PREFIX/]" help:"Buckets that results are read from, comma-separated; none are checked by default."`
	SingleService    bool         `help:"One function has both doors (Terraform's single_service): its account does the private door's work too."`
	PublicAccount    string       `placeholder:"NAME-public@P.iam.gserviceaccount.com" help:"Service account of the public door."`
	TasksAccount     string       `placeholder:"NAME-tasks@P.iam.gserviceaccount.com" help:"Service account of the private door."`
	PushAccount      string       `env:"PUSH_SERVICE_ACCOUNT" placeholder:"NAME-push@P.iam.gserviceaccount.com" help:"Service account in the tokens of Pub/Sub's pushes."`
	ReconcileAccount string       `placeholder:"NAME-recon@P.iam.gserviceaccount.com" help:"Service account of the function that looks for jobs whose event did not come."`
}

// Help is kong's, for details.
func (examination) Help() string {
	return `Every check prints a line: ok, warn or FAIL, what was found, and what to do. A
check that may not be made (a permission is missing) is a warning that names the
permission. It changes nothing, but leaves traces: refused deliveries in the
public door's log, and a message of the dead letters is leased for a moment. It
does not see the functions' environment, grants on the project, and how many
messages wait. Whether a genuine delivery arrives, webhookctl webhook ping shows.

--json prints {ok, checks: [{check, status, found, do}]}: status is ok, warn or
fail.

` + olderCodesHelp + `

Here 0 means that nothing failed; there may be warnings. 1: something failed.`
}

// Run examines the deployment.
func (e examination) Run(ctx context.Context, s streams) error {
	deployment, err := e.deployment()
	if err != nil {
		return err
	}
	services, err := e.dial(ctx)
	if err != nil {
		return err
	}
	defer services.Close()
	clients := doctor.Clients{Secrets: services.secrets, Now: time.Now, HTTP: &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	if e.haveKey() {
		clients.Webhooks, clients.Batches = services.admin, services.batches
	}
	clients.Vertex = func(ctx context.Context, location string) error {
		jobs, err := vertexapi.New(ctx, e.Project, location)
		if err != nil {
			return err
		}
		return jobs.Probe(ctx)
	}
	if clients.PubSub, err = pubsub.NewClient(ctx, e.Project); err != nil {
		return fmt.Errorf("connect to Pub/Sub: %w", err)
	}
	defer clients.PubSub.Close()
	if clients.Storage, err = storage.NewClient(ctx); err != nil {
		return fmt.Errorf("connect to Cloud Storage: %w", err)
	}
	defer clients.Storage.Close()
	findings := doctor.Examine(ctx, deployment, clients)
	failed := doctor.Failed(findings)
	if e.JSON {
		err = printJSON(s.out, map[string]any{"ok": !failed, "checks": findings})
	} else {
		printFindings(s, findings)
	}
	if err == nil && failed {
		return errors.New("something is wrong; each FAIL says what to do")
	}
	return err
}

func printFindings(s streams, findings []doctor.Finding) {
	count := map[doctor.Status]int{}
	for _, f := range findings {
		count[f.Status]++
		status := string(f.Status)
		if f.Status == doctor.Fail {
			status = "FAIL"
		}
		fmt.Fprintf(s.out, "%-4s  %s: %s", status, f.Check, f.Found)
		if f.Do != "" {
			fmt.Fprintf(s.out, " => %s", f.Do)
		}
		fmt.Fprintln(s.out)
	}
	fmt.Fprintf(s.out, "%d checks: %d ok, %d warnings, %d failed\n", len(findings), count[doctor.OK], count[doctor.Warn], count[doctor.Fail])
}

// deployment fills in the default names.
func (e examination) deployment() (doctor.Deployment, error) {
	named := func(suffix string) secret.Name {
		return secret.Name(fmt.Sprintf("projects/%s/secrets/%s-%s", e.Project, e.Name, suffix))
	}
	account := func(given, suffix string) string {
		return cmp.Or(given, fmt.Sprintf("%s-%s@%s.iam.gserviceaccount.com", e.Name, suffix, e.Project))
	}
	d := doctor.Deployment{
		Project: e.Project, Prefix: e.Name, URL: e.URL,
		SigningSecret:    cmp.Or(e.SigningSecret, named("signing-secret")),
		TokenSecret:      named("token"),
		APIKeySecret:     e.APIKeySecret,
		WithoutAPIKey:    e.WithoutAPIKey,
		WithoutReconcile: e.WithoutReconcile,
		VertexLocations:  e.VertexLocations,
		StateBucket:      cmp.Or(e.StateBucket, e.Project+"-"+e.Name+"-state"),
		ArchiveBucket:    cmp.Or(e.ArchiveBucket, e.Project+"-"+e.Name+"-archive"),
		ResultBuckets:    e.ResultBuckets,
		PublicAccount:    account(e.PublicAccount, "public"),
		TasksAccount:     account(e.TasksAccount, "tasks"),
		PushAccount:      account(e.PushAccount, "push"),
		ReconcileAccount: account(e.ReconcileAccount, "recon"),
	}
	if e.SingleService {
		d.TasksAccount = d.PublicAccount
	}
	if e.TokenSecret != nil {
		d.TokenSecret = *e.TokenSecret
	}
	if u, err := url.Parse(e.URL); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return d, usage("--url wants the public door's address, as https://receiver.example")
	}
	for _, name := range []secret.Name{d.SigningSecret, d.TokenSecret} {
		var checked secret.Name
		if err := checked.UnmarshalText([]byte(name)); err != nil { // made of --project and --name
			return d, usage("%s: %w; give --project and --name, or the secrets", name, err)
		}
	}
	return d, nil
}
