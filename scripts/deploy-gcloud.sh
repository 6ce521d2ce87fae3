#!/usr/bin/env bash
# Deploys the receiver with gcloud alone. docs/deploy.md describes it; usage()
# says what it takes. What it makes has the names and settings of terraform/
# with its defaults, and webhookctl doctor checks both.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/gcloud-common.sh
source scripts/gcloud-common.sh
# shellcheck source=scripts/gcloud-monitoring.sh
source scripts/gcloud-monitoring.sh

usage() {
  cat <<'END'
Usage: scripts/deploy-gcloud.sh --project=P --region=R --api-key-secret=projects/P/secrets/S [options]

Deploys the receiver with gcloud, without Terraform, and registers its webhook.
Running it again changes nothing but the functions, which are built anew, or
brings about what is different; it takes nothing away.

  --project=P            project to deploy to; it must have a billing account
  --region=R             region, such as europe-west1
  --api-key-secret=S     secret with the Gemini API key: projects/P/secrets/S. The
                         private door reads it: most batches need it
  --result-bucket=B      bucket or bucket/prefix/ that results are read from;
                         may be repeated. Without it, from the Gemini API alone
  --archive-bucket=B     bucket that is there already, for copies of what Gemini
                         deletes; default: PROJECT-NAME-archive is made
  --rotation-period=T    rotate the signing secret by schedule: seconds with an
                         s, 2592000s for 30 days; an hour at least
  --reconcile-schedule=S when to look for jobs whose event did not come, as in
                         cron, in UTC; default: every quarter of an hour
  --scheduler-region=R   another region for Cloud Scheduler, which is not in all
  --vertex-location=L    location whose Vertex AI batch jobs are looked at, too:
                         europe-west4, global; may be repeated
  --no-reconcile         do not look for such jobs
  --no-canary            do not have Gemini ping the webhook then, to see that
                         deliveries arrive
  --revoked-version=V    never accept this version of a signing secret or token,
                         projects/P/secrets/S/versions/N; may be repeated, and
                         those that were given before are forgotten
  --single-service       one function with both doors, for trying things out
  --no-invoker-iam-check open the public door without a grant to allUsers, where
                         the policy iam.allowedPolicyMemberDomains forbids it
  --url=https://HOST     where Gemini reaches the public door, if that is not the
                         function's own address: behind a custom domain
  --notification-channel=C  where alerts go, projects/P/notificationChannels/N; may
                         be repeated. Without it there are no alerts
  --alert-threshold=N=V  another threshold of an alert, or goal of a service level:
                         docs/monitoring.md; may be repeated
  --runbook-base-url=U   where docs/runbooks is published; default: the bucket
                         PROJECT-NAME-runbooks, to which the runbooks are copied
  --name=N               what all names begin with; default gemini-webhook
  --dry-run              print the commands as a script, and run nothing

It acts as you: gcloud auth login, and gcloud auth application-default login for
webhookctl. What you must be allowed to is in docs/deploy.md.
END
}

# Deploys one function. Environment variables that somebody added by hand, such
# as REVOKED_VERSIONS, stay.
deploy_function() { # NAME ENTRY_POINT ACCOUNT MEMORY_MIB CONCURRENCY MAX_INSTANCES TIMEOUT INGRESS ENVIRONMENT TRIGGER…
  local function=$1 entry_point=$2 account=$3 memory=$4 concurrency=$5 most=$6 timeout=$7 ingress=$8 environment=$9
  shift 9
  local linker='-s -w'
  [ -z "$commit" ] || linker+=" -X example.com/gemini-webhook/internal/version.Version=$commit"
  # GOMEMLIMIT: 80% of the memory. "^;^": values may hold commas.
  show gcloud functions deploy "$function" --gen2 --region="$region" --source=. --runtime=go126 \
    --entry-point="$entry_point" --service-account="$account" \
    --memory="${memory}Mi" --cpu=1 --concurrency="$concurrency" --min-instances=0 --max-instances="$most" \
    --timeout="${timeout}s" --ingress-settings="$ingress" \
    --update-env-vars="^;^$environment;GOMEMLIMIT=$((memory * 8 / 10))MiB" \
    --set-build-env-vars="GOFLAGS=-tags=disable_grpc_modules,GOOGLE_GOLDFLAGS=$linker" \
    --build-service-account="projects/$project/serviceAccounts/$(email build)" \
    --docker-repository="projects/$project/locations/$region/repositories/$name" "$@"
}

account() { # SUFFIX DISPLAY_NAME
  ensure "service account $name-$1" gcloud iam service-accounts describe "$(email "$1")" -- \
    gcloud iam service-accounts create "$name-$1" --display-name="$2"
}

topic() { # NAME RETENTION
  ensure "topic $1" gcloud pubsub topics describe "$1" -- \
    gcloud pubsub topics create "$1" --message-retention-duration="$2" -- \
    gcloud pubsub topics update "$1" --message-retention-duration="$2"
}

# A filter cannot be changed later, so it is given at creation alone.
push_subscription() { # NAME KIND
  local settings=(
    --ack-deadline=600 --message-retention-duration=7d --expiration-period=never
    --push-endpoint="$TASKS_URL/tasks/process"
    --push-auth-service-account="$(email push)" --push-auth-token-audience="$push_audience"
    --min-retry-delay=10s --max-retry-delay=600s
    --dead-letter-topic="$dead_letters" --max-delivery-attempts=30
  )
  ensure "subscription $1" gcloud pubsub subscriptions describe "$1" -- \
    gcloud pubsub subscriptions create "$1" --topic="$queue" --message-filter="attributes.kind = \"$2\"" "${settings[@]}" -- \
    gcloud pubsub subscriptions update "$1" "${settings[@]}"
  grant "subscription $1" roles/pubsub.subscriber "$pubsub_agent" \
    pubsub subscriptions add-iam-policy-binding "$1"
}

pull_subscription() { # NAME TOPIC ACK_DEADLINE RETENTION
  ensure "subscription $1" gcloud pubsub subscriptions describe "$1" -- \
    gcloud pubsub subscriptions create "$1" --topic="$2" --ack-deadline="$3" --message-retention-duration="$4" --expiration-period=never -- \
    gcloud pubsub subscriptions update "$1" --ack-deadline="$3" --message-retention-duration="$4" --expiration-period=never
}

may_publish() { # TOPIC MEMBER
  grant "topic $1" roles/pubsub.publisher "$2" pubsub topics add-iam-policy-binding "$1"
}

may_read_secret() { # SECRET PROJECT MEMBER
  grant "secret $1" roles/secretmanager.secretAccessor "$3" secrets add-iam-policy-binding "$1" --project="$2" --condition=None
}

may_call() { # FUNCTION MEMBER
  grant "service $1" roles/run.invoker "$2" run services add-iam-policy-binding "$1" --region="$region"
}

enable_apis() {
  comment 'APIs, and the accounts as which Google acts for us'
  local apis=(
    artifactregistry.googleapis.com cloudbuild.googleapis.com cloudfunctions.googleapis.com
    cloudresourcemanager.googleapis.com iam.googleapis.com logging.googleapis.com monitoring.googleapis.com pubsub.googleapis.com
    run.googleapis.com secretmanager.googleapis.com storage.googleapis.com
  )
  [ -z "$rotation_period$reconciles" ] || apis+=(eventarc.googleapis.com)
  [ -z "$reconciles" ] || apis+=(cloudscheduler.googleapis.com)
  [ ${#vertex_locations[@]} -eq 0 ] || apis+=(aiplatform.googleapis.com)
  run gcloud services enable "${apis[@]}"
  run gcloud beta services identity create --service=pubsub.googleapis.com
  [ -z "$rotation_period" ] || run gcloud beta services identity create --service=secretmanager.googleapis.com
  [ -z "$reconciles" ] || run gcloud beta services identity create --service=cloudscheduler.googleapis.com
  [ -z "$rotation_period$reconciles" ] || run gcloud beta services identity create --service=eventarc.googleapis.com
}

make_accounts() {
  comment 'Service accounts'
  account public 'Gemini webhook: public door'
  [ -n "$single_service" ] || account tasks 'Gemini webhook: private door'
  account push 'Gemini webhook: Pub/Sub calls the private door'
  account build 'Gemini webhook: builds the functions'
  [ -z "$rotation_period" ] || account rotate 'Gemini webhook: rotation of the signing secret'
  [ -z "$reconciles" ] || account recon 'Gemini webhook: looks for jobs whose event did not come'
  # Projects in which Pub/Sub was used before 8 April 2021 need this.
  grant "service account $name-push" roles/iam.serviceAccountTokenCreator "$pubsub_agent" \
    iam service-accounts add-iam-policy-binding "$(email push)" --condition=None
}

make_topics() {
  comment 'Topics. Whoever may publish to the queue skips verification: the doors and what reconciles'
  topic "$queue" 7d
  topic "$outcomes" 7d
  topic "$results" 3d
  topic "$dead_letters" 31d
  pull_subscription "$dead_letters" "$dead_letters" 600 31d
  pull_subscription "$outcomes-inspect" "$outcomes" 60 1d
  pull_subscription "$results-inspect" "$results" 60 1d
  may_publish "$queue" "serviceAccount:$(email public)"
  [ -n "$single_service" ] || may_publish "$queue" "serviceAccount:$(email tasks)"
  [ -z "$reconciles" ] || may_publish "$queue" "serviceAccount:$(email recon)"
  may_publish "$outcomes" "serviceAccount:$(tasks_account)"
  may_publish "$results" "serviceAccount:$(tasks_account)"
  may_publish "$dead_letters" "$pubsub_agent"
}

make_secrets() {
  comment 'Secrets, without versions yet, and who may read them'
  local secret
  for secret in "$signing_secret" "$token_secret"; do
    ensure "secret $secret" gcloud secrets describe "$secret" -- \
      gcloud secrets create "$secret" --replication-policy=automatic
    may_read_secret "$secret" "$project" "serviceAccount:$(email public)"
    grant "secret $secret" roles/secretmanager.viewer "serviceAccount:$(email public)" \
      secrets add-iam-policy-binding "$secret" --condition=None # to list versions
  done
  may_read_secret "$api_key_id" "$api_key_project" "serviceAccount:$(tasks_account)"
}

private_bucket() { # NAME DAYS SOFT_DELETE
  ensure "bucket $1" gcloud storage buckets describe "gs://$1" -- \
    gcloud storage buckets create "gs://$1" --location="$region" \
    --uniform-bucket-level-access --public-access-prevention --soft-delete-duration="$3"
  own_bucket "$1"
  local rule='{"rule": [{"action": {"type": "Delete"}, "condition": {"age": '$2'}}]}'
  local lifecycle="$scratch/lifecycle.json"
  if [ -n "$dry_run" ]; then
    lifecycle="\$LIFECYCLE"
    say "LIFECYCLE=\$(mktemp)"
    say "printf '%s\\n' '$rule' >\"\$LIFECYCLE\""
  else
    say "$rule" >"$lifecycle"
  fi
  local soft_delete=--soft-delete-duration=$3
  [ "$3" != 0 ] || soft_delete=--clear-soft-delete
  run gcloud storage buckets update "gs://$1" --lifecycle-file="$lifecycle" \
    --uniform-bucket-level-access --public-access-prevention "$soft_delete"
}

may_create_and_read() { # BUCKET ACCOUNT
  local role
  for role in roles/storage.objectCreator roles/storage.objectViewer; do
    grant "bucket $1" "$role" "serviceAccount:$2" \
      storage buckets add-iam-policy-binding "gs://$1" --condition=None
  done
}

make_buckets() {
  comment 'State: objects are created and read, never replaced; deleted after 60 days'
  private_bucket "$state_bucket" 60 0
  may_create_and_read "$state_bucket" "$(tasks_account)"
  comment 'The archive, of what Gemini deletes: the same; after 90 days, and a week more where somebody deletes'
  [ -n "$archive_bucket" ] || private_bucket "$archive" 90 7d
  may_create_and_read "$archive" "$(tasks_account)"
  local place bucket prefix condition
  for place in ${result_buckets[@]+"${result_buckets[@]}"}; do
    bucket=${place%%/*} prefix=${place#"$bucket"} condition=None
    prefix=${prefix#/}
    if [ -n "$prefix" ]; then # reading is asked of the object, listing of the bucket
      condition="^;^title=$name-results;expression=resource.name.startsWith(\"projects/_/buckets/$bucket/objects/$prefix\")"
      condition+=" || (resource.type == \"storage.googleapis.com/Bucket\" && api.getAttribute(\"storage.googleapis.com/objectListPrefix\", \"\").startsWith(\"$prefix\"))"
    fi
    grant "bucket $place" roles/storage.objectViewer "serviceAccount:$(tasks_account)" \
      storage buckets add-iam-policy-binding "gs://$bucket" --condition="$condition"
  done
}

make_build() {
  comment 'What builds the functions: a repository for images, and what the account may do'
  ensure "repository $name" gcloud artifacts repositories describe "$name" --location="$region" -- \
    gcloud artifacts repositories create "$name" --location="$region" --repository-format=docker
  grant "repository $name" roles/artifactregistry.writer "serviceAccount:$(email build)" \
    artifacts repositories add-iam-policy-binding "$name" --location="$region"
  grant "project $project" roles/logging.logWriter "serviceAccount:$(email build)" \
    projects add-iam-policy-binding "$project" --condition=None
  # Cloud Functions builds from a bucket of its own.
  grant "project $project" roles/storage.objectViewer "serviceAccount:$(email build)" \
    projects add-iam-policy-binding "$project" \
    --condition="title=$name-sources,expression=resource.name.startsWith(\"projects/_/buckets/gcf-v2-sources-$PROJECT_NUMBER-$region/\")"
}

# set_environments: README.md "Configuration".
set_environments() {
  local secrets=projects/$project/secrets places=
  # Cloud Run lets in only tokens for an address of the service, and the
  # function must know it before it is deployed: this one is known before.
  push_audience=https://$tasks-$PROJECT_NUMBER.$region.run.app
  public_environment="GOOGLE_CLOUD_PROJECT=$project;QUEUE_TOPIC=$queue;SIGNING_SECRETS=$secrets/$signing_secret;DYNAMIC_TOKEN_SECRET=$secrets/$token_secret"
  for place in ${revoked_versions[@]+"${revoked_versions[@]}"}; do places+=${places:+,}$place; done
  [ -z "$places" ] || public_environment+=";REVOKED_VERSIONS=$places"
  places=
  tasks_environment="GOOGLE_CLOUD_PROJECT=$project;QUEUE_TOPIC=$queue;OUTCOMES_TOPIC=$outcomes;RESULTS_TOPIC=$results;STATE_BUCKET=$state_bucket;ARCHIVE_BUCKET=$archive"
  tasks_environment+=";PUSH_AUDIENCE=$push_audience;PUSH_SERVICE_ACCOUNT=$(email push);MAX_DELIVERY_ATTEMPTS=30;GEMINI_API_KEY_SECRET=$api_key_secret"
  for place in ${result_buckets[@]+"${result_buckets[@]}"}; do places+=${places:+,}$place; done
  [ -z "$places" ] || tasks_environment+=";RESULT_BUCKETS=$places"
  rotate_environment="GOOGLE_CLOUD_PROJECT=$project;SIGNING_SECRETS=$secrets/$signing_secret;GEMINI_API_KEY_SECRET=$api_key_secret"
  reconcile_environment="GOOGLE_CLOUD_PROJECT=$project;QUEUE_TOPIC=$queue;STATE_BUCKET=$state_bucket;GEMINI_API_KEY_SECRET=$api_key_secret;CANARY_WEBHOOK=${canary:+$name}"
  places=
  for place in ${vertex_locations[@]+"${vertex_locations[@]}"}; do places+=${places:+,}$place; done
  [ -z "$places" ] || reconcile_environment+=";VERTEX_LOCATIONS=$places"
}

deploy_doors() {
  if [ -n "$single_service" ]; then
    comment 'The function, with both doors'
    deploy_function "$public" GeminiWebhook "$(email public)" 1024 4 10 600 all "DOORS=both;$public_environment;$tasks_environment" --trigger-http
  else
    comment 'The private door, which Pub/Sub alone may call'
    deploy_function "$tasks" GeminiWebhook "$(email tasks)" 1024 4 10 600 internal-only "DOORS=tasks;$tasks_environment" --trigger-http
    comment 'The public door'
    deploy_function "$public" GeminiWebhook "$(email public)" 256 80 20 15 all "DOORS=public;$public_environment" --trigger-http
  fi
  may_call "$tasks" "serviceAccount:$(email push)"
  # Gemini has no account with Google Cloud: signatures say who calls.
  if [ -n "$invoker_iam_check" ]; then
    may_call "$public" allUsers
  else
    run gcloud run services update "$public" --region="$region" --no-invoker-iam-check
  fi
  ask PUBLIC_URL gcloud functions describe "$public" --region="$region" --format='value(serviceConfig.uri)'
  ask TASKS_URL gcloud functions describe "$tasks" --region="$region" --format='value(serviceConfig.uri)'
}

make_queue() {
  comment 'The queue: one subscription for each kind of task, so that neither holds up the other'
  push_subscription "$queue-events" event
  push_subscription "$queue-ranges" range
}

deploy_rotation() {
  comment 'Rotation: Secret Manager says when it is due, the function does it'
  topic "$rotation" 7d
  may_publish "$rotation" "serviceAccount:service-$PROJECT_NUMBER@gcp-sa-secretmanager.iam.gserviceaccount.com"
  grant "secret $signing_secret" roles/secretmanager.admin "serviceAccount:$(email rotate)" \
    secrets add-iam-policy-binding "$signing_secret" --condition=None
  may_read_secret "$api_key_id" "$api_key_project" "serviceAccount:$(email rotate)"
  deploy_function "$rotate" RotateSigningSecret "$(email rotate)" 256 1 2 300 internal-only "$rotate_environment" \
    --trigger-topic="$rotation" --trigger-service-account="$(email rotate)" --retry
  may_call "$rotate" "serviceAccount:$(email rotate)"
  local next=$(($(date +%s) + ${rotation_period%s}))
  # GNU's date, and BSD's.
  next=$(date -u -d "@$next" +%Y-%m-%dT%H:%M:%SZ 2>/dev/null || date -u -r "$next" +%Y-%m-%dT%H:%M:%SZ)
  unless_prints "schedule of $signing_secret" "$rotation_period" \
    gcloud secrets describe "$signing_secret" --format='value(rotation.rotationPeriod)' -- \
    gcloud secrets update "$signing_secret" --add-topics="projects/$project/topics/$rotation" \
    --rotation-period="$rotation_period" --next-rotation-time="$next"
}

deploy_reconcile() {
  comment 'Reconciliation: Cloud Scheduler says when, the function looks for jobs whose event did not come'
  topic "$reconcile" 1d
  may_publish "$reconcile" "serviceAccount:service-$PROJECT_NUMBER@gcp-sa-cloudscheduler.iam.gserviceaccount.com"
  may_create_and_read "$state_bucket" "$(email recon)"
  may_read_secret "$api_key_id" "$api_key_project" "serviceAccount:$(email recon)"
  # To list jobs; Vertex AI has no policy on a job.
  [ ${#vertex_locations[@]} -eq 0 ] || grant "project $project" roles/aiplatform.viewer "serviceAccount:$(email recon)" \
    projects add-iam-policy-binding "$project" --condition=None
  deploy_function "$reconcile" Reconcile "$(email recon)" 512 1 1 540 internal-only "$reconcile_environment" \
    --trigger-topic="$reconcile" --trigger-service-account="$(email recon)" --retry
  may_call "$reconcile" "serviceAccount:$(email recon)"
  local location=${scheduler_region:-$region}
  local settings=(
    --location="$location" --schedule="$reconcile_schedule" --time-zone=Etc/UTC
    --topic="$reconcile" --message-body=reconcile --max-retry-attempts=3
  )
  ensure "schedule $reconcile" gcloud scheduler jobs describe "$reconcile" --location="$location" -- \
    gcloud scheduler jobs create pubsub "$reconcile" "${settings[@]}" -- \
    gcloud scheduler jobs update pubsub "$reconcile" "${settings[@]}"
}

register() {
  comment 'Request logs hold URLs: keep those with the token of a dynamic webhook out'
  local filter="resource.type=\"cloud_run_revision\" AND resource.labels.service_name=\"$public\" AND log_id(\"run.googleapis.com/requests\") AND httpRequest.requestUrl=~\"^https?://[^/]+/.*([A-Za-z0-9_-]|%(2[5Dd]|[3-7][0-9A-Fa-f])){32}\""
  ensure "log exclusion $exclusion" gcloud logging sinks update _Default --update-exclusion="name=$exclusion,filter=$filter" -- \
    gcloud logging sinks update _Default --add-exclusion="name=$exclusion,filter=$filter"

  comment 'The token of dynamic webhooks, and the static webhook with its signing secret'
  unless_prints "token in $token_secret" '' \
    gcloud secrets versions list "$token_secret" --filter=state:ENABLED --limit=1 --format='value(name)' -- \
    go run ./cmd/webhookctl token create --secret="projects/$project/secrets/$token_secret"
  show go run ./cmd/webhookctl webhook create --name="$name" --uri="${url:-$PUBLIC_URL}/gemini" \
    --secret="projects/$project/secrets/$signing_secret" --api-key-secret="$api_key_secret"
}

parse_options "$@"
set_names
check_options
check_monitoring
if [ -n "$rotation_period" ] && { ! matches "$rotation_period" '[1-9][0-9]{3,9}s' || [ "${rotation_period%s}" -lt 3600 ]; }; then
  wrong_usage '--rotation-period wants seconds with an s, 3600s or more: 2592000s for 30 days'
fi
matches "$reconcile_schedule" '[0-9A-Za-z*/,-]+( [0-9A-Za-z*/,-]+){4}' ||
  wrong_usage "--reconcile-schedule wants the five fields of cron, in UTC: '*/15 * * * *' for every quarter of an hour"
for location in ${vertex_locations[@]+"${vertex_locations[@]}"}; do
  matches "$location" 'global|us|eu|[a-z]+-[a-z]+[0-9]+' || wrong_usage '--vertex-location wants a location of Vertex AI: a region such as europe-west4, or global, us, eu'
done
[ -n "$reconciles" ] || vertex_locations=()
for version in ${revoked_versions[@]+"${revoked_versions[@]}"}; do
  matches "$version" 'projects/[a-z0-9.:-]+/secrets/[A-Za-z0-9_-]+/versions/[1-9][0-9]*' ||
    wrong_usage '--revoked-version wants projects/PROJECT/secrets/SECRET/versions/NUMBER, with a number and not latest'
done
[ -z "$url" ] || matches "$url" 'https://[A-Za-z0-9.-]+(:[0-9]{1,5})?' || wrong_usage '--url wants https://HOST without a path and without a slash at the end'
for tool in gcloud go; do
  [ -n "$dry_run" ] || command -v "$tool" >/dev/null || fail "$tool is not in PATH; install it: https://cloud.google.com/sdk/docs/install, https://go.dev/dl/"
done
scratch=
[ -n "$dry_run" ] || scratch=$(mktemp -d)
trap '[ -z "$scratch" ] || rm -rf "$scratch"' EXIT
commit=$(git describe --always --dirty --exclude='*' 2>/dev/null || true)
[ -z "$dry_run" ] || say '#!/usr/bin/env bash
# What scripts/deploy-gcloud.sh does, to be run in the repository.
set -euo pipefail'

comment 'Is everything there that this needs?'
ask PROJECT_NUMBER gcloud projects describe "$project" --format='value(projectNumber)'
require "$api_key_secret cannot be seen. To make it: printf %s \"\$GEMINI_API_KEY\" | gcloud secrets create $api_key_id --project=$api_key_project --data-file=-" \
  gcloud secrets describe "$api_key_id" --project="$api_key_project"
require 'webhookctl needs credentials of yours; run: gcloud auth application-default login' \
  gcloud auth application-default print-access-token
pubsub_agent=serviceAccount:service-$PROJECT_NUMBER@gcp-sa-pubsub.iam.gserviceaccount.com

enable_apis
make_accounts
make_topics
make_secrets
make_buckets
make_build
set_environments
deploy_doors
make_queue
[ -z "$rotation_period" ] || deploy_rotation
[ -z "$reconciles" ] || deploy_reconcile
register
make_monitoring

comment 'Check the deployment, now and whenever in doubt:'
doctor=(go run ./cmd/webhookctl doctor --project="$project" --name="$name" --url="${url:-$PUBLIC_URL}" --api-key-secret="$api_key_secret")
[ -z "$single_service" ] || doctor+=(--single-service)
[ -n "$reconciles" ] || doctor+=(--without-reconcile)
for location in ${vertex_locations[@]+"${vertex_locations[@]}"}; do doctor+=(--vertex-locations="$location"); done
[ -z "$archive_bucket" ] || doctor+=(--archive-bucket="$archive")
for place in ${result_buckets[@]+"${result_buckets[@]}"}; do doctor+=(--result-buckets="$place"); done
check=$(words "${doctor[@]}")
say "${dry_run:+# }${check//$'\n'/$'\n'${dry_run:+# }}"
