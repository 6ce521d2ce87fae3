#!/usr/bin/env bash
# Takes away what deploy-gcloud.sh has made. docs/deploy.md, "Stopping
# everything", says what to do before.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/gcloud-common.sh
source scripts/gcloud-common.sh
# shellcheck source=scripts/gcloud-monitoring.sh
source scripts/gcloud-monitoring.sh

usage() {
  cat <<'END'
Usage: scripts/destroy-gcloud.sh --project=P --region=R --api-key-secret=projects/P/secrets/S [options]

Deletes the webhook at Gemini, and then everything that scripts/deploy-gcloud.sh
has made: functions, topics, subscriptions with the messages in them (the dead
letters, too), secrets, state, the archive with what Gemini has deleted, service
accounts, metrics, alerts. What was there before stays: the API key's secret, result buckets, an
archive that was given, enabled APIs. Stop the webhook and let the
queue run empty first: docs/deploy.md, "Stopping everything".

  --project=P, --region=R, --api-key-secret=S, --name=N, --result-bucket=B, --archive-bucket=B,
  --scheduler-region=R   as they were given to deploy-gcloud.sh
  --yes                  do not ask
  --dry-run              print the commands as a script, and run nothing
END
}

# drop WHAT LOOK -- DELETE: deletes what is there.
drop() {
  local what=$1
  shift
  split "$@"
  full "${first[@]}"
  local look=("${full[@]}")
  full "${second[@]}"
  if [ -n "$dry_run" ]; then
    say "if $(words "${look[@]}") >/dev/null 2>&1; then"
    say "  $(words "${full[@]}")"
    say 'fi'
    return
  fi
  if ! "${look[@]}" >/dev/null 2>&1; then
    say "  gone   $what"
    return
  fi
  attempt || give_up
  say "  delete $what"
}

# revoke WHAT ROLE MEMBER COMMAND: takes a binding away where it is.
revoke() {
  local what=$1 role=$2 member=$3
  shift 3
  full gcloud "$@" --member="$member" --role="$role" --format=none
  if [ -n "$dry_run" ]; then
    say "$(words "${full[@]}") >/dev/null 2>&1 || true"
    return
  fi
  if attempt; then
    say "  revoke $role on $what of ${member#serviceAccount:}"
    return
  fi
  case $said in
    *'not found'* | *NOT_FOUND* | *'does not exist'*) say "  gone   $role on $what of ${member#serviceAccount:}" ;;
    *) printf '  left   %s on %s of %s; take it away by hand:\n%s\n' "$role" "$what" "$member" "$said" >&2 ;;
  esac
}

confirm() {
  [ -z "$yes$dry_run" ] || return 0
  [ -t 0 ] || fail 'this deletes messages, secrets, state and the archive; give --yes where nobody can be asked'
  printf 'This deletes the receiver %s in %s, with its dead letters, secrets, state and archive.\nType the project to go on: ' "$name" "$project"
  local answer
  read -r answer
  [ "$answer" = "$project" ] || fail 'nothing was deleted'
}

delete_webhook() {
  comment 'The webhook first: Gemini delivers no more'
  local webhookctl="$scratch/webhookctl"
  if [ -n "$dry_run" ]; then
    webhookctl="\$WEBHOOKCTL"
    say "WEBHOOKCTL=\$(mktemp)"
  fi
  run go build -o "$webhookctl" ./cmd/webhookctl # go run would hide the exit code
  full "$webhookctl" webhook delete --yes --secret="projects/$project/secrets/$signing_secret" --api-key-secret="$api_key_secret"
  if [ -n "$dry_run" ]; then
    say "$(words "${full[@]}") ||"
    say "  test \$? -eq 4 # there is none"
    return
  fi
  local status=0
  "${full[@]}" || status=$?
  said='(what it printed is above)'
  [ "$status" -eq 0 ] || [ "$status" -eq 4 ] || give_up
}

delete_functions() {
  comment 'The schedule, and functions'
  local function location=${scheduler_region:-$region}
  drop "schedule $reconcile" gcloud scheduler jobs describe "$reconcile" --location="$location" -- \
    gcloud scheduler jobs delete "$reconcile" --location="$location"
  for function in "$public" "$name-tasks" "$rotate" "$reconcile"; do
    drop "function $function" gcloud functions describe "$function" --region="$region" -- \
      gcloud functions delete "$function" --gen2 --region="$region"
  done
}

delete_messages() {
  comment 'Subscriptions and topics, with the messages in them'
  local it
  for it in "$queue-events" "$queue-ranges" "$outcomes-inspect" "$results-inspect" "$dead_letters"; do
    drop "subscription $it" gcloud pubsub subscriptions describe "$it" -- gcloud pubsub subscriptions delete "$it"
  done
  for it in "$queue" "$outcomes" "$results" "$dead_letters" "$rotation" "$reconcile"; do
    drop "topic $it" gcloud pubsub topics describe "$it" -- gcloud pubsub topics delete "$it"
  done
}

delete_data() {
  comment 'Secrets, state, the archive, images, and the exclusion of the log'
  local secret
  for secret in "$signing_secret" "$token_secret"; do
    drop "secret $secret" gcloud secrets describe "$secret" -- gcloud secrets delete "$secret"
  done
  local it buckets=("$state_bucket")
  [ -n "$archive_bucket" ] || buckets+=("$archive") # not one that was there before
  for it in "${buckets[@]}"; do
    drop "bucket $it" gcloud storage buckets describe "gs://$it" -- gcloud storage rm --recursive "gs://$it"
  done
  drop "repository $name" gcloud artifacts repositories describe "$name" --location="$region" -- \
    gcloud artifacts repositories delete "$name" --location="$region"
  # An update that changes nothing says whether it is there.
  drop "log exclusion $exclusion" gcloud logging sinks update _Default --update-exclusion="name=$exclusion,description=" -- \
    gcloud logging sinks update _Default --remove-exclusions="$exclusion"
}

delete_accounts() {
  comment 'What the accounts may do elsewhere, and the accounts'
  local who place bucket
  for who in tasks public rotate recon; do
    revoke "secret $api_key_id" roles/secretmanager.secretAccessor "serviceAccount:$(email $who)" \
      secrets remove-iam-policy-binding "$api_key_id" --project="$api_key_project" --condition=None
  done
  for place in ${result_buckets[@]+"${result_buckets[@]}"}; do
    bucket=${place%%/*}
    for who in tasks public; do
      revoke "bucket $bucket" roles/storage.objectViewer "serviceAccount:$(email $who)" \
        storage buckets remove-iam-policy-binding "gs://$bucket" --all
    done
  done
  for role in roles/storage.objectCreator roles/storage.objectViewer; do
    for who in tasks public; do
      [ -z "$archive_bucket" ] || revoke "bucket $archive" "$role" "serviceAccount:$(email $who)" \
        storage buckets remove-iam-policy-binding "gs://$archive" --all
    done
  done
  for role in roles/logging.logWriter roles/storage.objectViewer; do
    revoke "project $project" "$role" "serviceAccount:$(email build)" projects remove-iam-policy-binding "$project" --all
  done
  revoke "project $project" roles/aiplatform.viewer "serviceAccount:$(email recon)" \
    projects remove-iam-policy-binding "$project" --all
  for who in public tasks push build rotate recon; do
    drop "service account $name-$who" gcloud iam service-accounts describe "$(email $who)" -- \
      gcloud iam service-accounts delete "$(email $who)"
  done
}

parse_options "$@"
set_names
check_options
check_monitoring
confirm
scratch=
[ -n "$dry_run" ] || scratch=$(mktemp -d)
trap '[ -z "$scratch" ] || rm -rf "$scratch"' EXIT
[ -z "$dry_run" ] || say '#!/usr/bin/env bash
# What scripts/destroy-gcloud.sh does, to be run in the repository.
set -euo pipefail'
delete_webhook
delete_monitoring
delete_functions
delete_messages
delete_data
delete_accounts
