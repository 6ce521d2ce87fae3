# shellcheck shell=bash
# shellcheck disable=SC2034 # what is set here is used there
# What deploy-gcloud.sh and destroy-gcloud.sh share: options, names, and running
# a command or, with --dry-run, printing it. They source this file.

# The options, as the scripts set them.
project=
region=
api_key_secret=
name=gemini-webhook
archive_bucket=
result_buckets=()
rotation_period=
reconciles=yes
canary=yes
reconcile_schedule='*/15 * * * *'
scheduler_region=
vertex_locations=()
revoked_versions=()
notification_channels=()
alert_thresholds=()
runbook_base_url=
url=
single_service=
invoker_iam_check=yes
dry_run=
yes=

say() { printf '%s\n' "$*"; }

# comment says what comes: in a dry run as a comment of the printed script.
comment() { say "${dry_run:+$'\n'}# $*"; }

fail() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

wrong_usage() {
  printf '%s: %s\nSee %s --help.\n' "${0##*/}" "$*" "$0" >&2
  exit 2
}

# parse_options reads --option=value and --option value. Usage is printed by the
# script's own function.
parse_options() {
  local option value
  while [ $# -gt 0 ]; do
    option=${1%%=*}
    case $option in
      --project | --region | --api-key-secret | --name | --archive-bucket | --result-bucket | --rotation-period | \
        --reconcile-schedule | --scheduler-region | --vertex-location | --revoked-version | --url | \
        --notification-channel | --alert-threshold | --runbook-base-url)
        case $1 in
          *=*) value=${1#*=} ;;
          *)
            [ $# -gt 1 ] || wrong_usage "$1 wants a value"
            shift
            value=$1
            ;;
        esac
        [ -n "$value" ] || wrong_usage "$option wants a value"
        ;;
    esac
    case $1 in
      -h | --help)
        usage
        exit
        ;;
      --dry-run) dry_run=yes ;;
      --single-service) single_service=yes ;;
      --no-invoker-iam-check) invoker_iam_check= ;;
      --no-reconcile) reconciles= ;;
      --no-canary) canary= ;;
      --yes) yes=yes ;;
      *)
        case $option in
          --project) project=$value ;;
          --region) region=$value ;;
          --api-key-secret) api_key_secret=$value ;;
          --name) name=$value ;;
          --archive-bucket) archive_bucket=$value ;;
          --result-bucket) result_buckets+=("$value") ;;
          --rotation-period) rotation_period=$value ;;
          --reconcile-schedule) reconcile_schedule=$value ;;
          --scheduler-region) scheduler_region=$value ;;
          --vertex-location) vertex_locations+=("$value") ;;
          --revoked-version) revoked_versions+=("$value") ;;
          --url) url=$value ;;
          --notification-channel) notification_channels+=("$value") ;;
          --alert-threshold) alert_thresholds+=("$value") ;;
          --runbook-base-url) runbook_base_url=$value ;;
          *) wrong_usage "there is no option $1" ;;
        esac
        ;;
    esac
    shift
  done
}

matches() { [[ $1 =~ ^($2)$ ]]; }

# check_options wants what terraform/variables.tf wants.
check_options() {
  matches "$project" '[a-z][a-z0-9-]{4,28}[a-z0-9]' ||
    wrong_usage "--project wants a project's id, not its number or name: see the column PROJECT_ID of \"gcloud projects list\""
  matches "$region" '[a-z]+-[a-z]+[0-9]+' ||
    wrong_usage '--region wants a region such as europe-west1: the one of the buckets that results are in'
  matches "$api_key_secret" 'projects/[a-z0-9.:-]+/secrets/[A-Za-z0-9_-]{1,255}' ||
    wrong_usage "--api-key-secret wants projects/P/secrets/S, never the key itself; to make one: printf %s \"\$GEMINI_API_KEY\" | gcloud secrets create gemini-api-key --project=P --data-file=-"
  if ! matches "$name" '[a-z][a-z0-9-]{1,21}[a-z0-9]' || [[ $name == goog* || $name == *--* ]]; then
    wrong_usage "--name wants 3 to 23 lower-case letters, digits and single '-', a letter first, and no goog: service accounts are called NAME-public"
  fi
  local bucket part='[^/",;$`[:space:]\]+/'
  for bucket in ${result_buckets[@]+"${result_buckets[@]}"}; do
    matches "$bucket" "[a-z0-9][a-z0-9._-]{1,220}[a-z0-9](/($part)+)?" ||
      wrong_usage '--result-bucket wants BUCKET or BUCKET/PREFIX/, without gs:// and with a slash at the end of a prefix'
    case $bucket/ in
      */./* | */../*) wrong_usage '--result-bucket must not have . or .. in its prefix' ;;
      "$state_bucket"/* | "$archive"/*) wrong_usage "--result-bucket must not be the receiver's own state bucket, nor that of the archive" ;;
    esac
  done
  matches "${scheduler_region:-$region}" '[a-z]+-[a-z]+[0-9]+' ||
    wrong_usage '--scheduler-region wants a region such as europe-west1: see "gcloud scheduler locations list"'
  matches "$archive" '[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]' || wrong_usage '--archive-bucket wants BUCKET, without gs:// and without a path'
  [ "$archive" != "$state_bucket" ] || wrong_usage "--archive-bucket must not be the receiver's own state bucket"
}

# set_names: the same names as terraform/ gives, so that docs and webhookctl
# doctor hold for both.
set_names() {
  public=$name
  tasks=$name-tasks
  [ -z "$single_service" ] || tasks=$public
  rotate=$name-rotate
  reconcile=$name-reconcile
  queue=$name-queue
  outcomes=$name-outcomes
  results=$name-results
  dead_letters=$name-dead-letters
  rotation=$name-rotation
  signing_secret=$name-signing-secret
  token_secret=$name-token
  state_bucket=$project-$name-state
  archive=${archive_bucket:-$project-$name-archive}
  exclusion=$name-tokens
  runbook_bucket=$project-$name-runbooks
  service_url=https://monitoring.googleapis.com/v3/projects/$project/services

  api_key_project=${api_key_secret#projects/}
  api_key_project=${api_key_project%%/*}
  api_key_id=${api_key_secret##*/}
}

# email of one of our service accounts.
email() { say "$name-$1@$project.iam.gserviceaccount.com"; }

# tasks_account is who works on the queue.
tasks_account() { if [ -n "$single_service" ]; then email public; else email tasks; fi; }

# quote prints a word as a shell reads it. Variables stay variables: those that
# a dry run does not know yet ($PROJECT_NUMBER).
quote() {
  local word=$1
  case $word in
    *[!A-Za-z0-9_./:=@,%+-]* | '')
      word=${word//\\/\\\\}
      word=${word//\"/\\\"}
      word=${word//\`/\\\`}
      printf '"%s"' "$word"
      ;;
    *) printf '%s' "$word" ;;
  esac
}

# words prints a command line; a long one has a line for each flag.
words() {
  local word line=$* space=
  for word in "$@"; do
    if [ ${#line} -gt 120 ] && [[ $word == --* ]]; then space=$' \\\n    '; fi
    printf '%s' "$space"
    quote "$word"
    space=' '
  done
}

# full sets the array full: the command with what every gcloud command has. With
# --quiet none asks anything.
full() {
  full=("$@")
  [ "$1" = gcloud ] || return 0
  case " $* " in
    *' --project='*) full+=(--quiet) ;;
    *) full+=(--project="$project" --quiet) ;;
  esac
}

# run does a command and shows what it prints only if it fails.
run() {
  full "$@"
  if [ -n "$dry_run" ]; then
    words "${full[@]}"
    say
    return
  fi
  attempt || give_up
}

# attempt does the command in full, and sets said to what it printed.
attempt() { said=$("${full[@]}" 2>&1); }

give_up() {
  fail "this failed:
$(words "${full[@]}")
$said
Repair what it says and run this again; what is there already is kept."
}

# show does a command whose output people want to see.
show() {
  full "$@"
  if [ -n "$dry_run" ]; then
    words "${full[@]}"
    say
    return
  fi
  said='(what it printed is above)'
  "${full[@]}" || give_up
}

# ask VARIABLE COMMAND: what the command prints.
ask() {
  local variable=$1 value
  shift
  full "$@"
  if [ -n "$dry_run" ]; then
    say "$variable=\$($(words "${full[@]}"))"
    printf -v "$variable" '%s' "\$$variable"
    return
  fi
  said='(what it printed is above)'
  value=$("${full[@]}") || give_up
  said='It printed nothing. If it was made just now, wait a minute.'
  [ -n "$value" ] || give_up
  printf -v "$variable" '%s' "$value"
}

# split sets the arrays first, second and third: what "--" separates.
split() {
  first=() second=() third=()
  local part=first
  while [ $# -gt 0 ]; do
    if [ "$1" = -- ]; then
      if [ "$part" = first ]; then part=second; else part=third; fi
    else
      case $part in
        first) first+=("$1") ;;
        second) second+=("$1") ;;
        third) third+=("$1") ;;
      esac
    fi
    shift
  done
}

# ensure WHAT LOOK -- MAKE [-- UPDATE]: makes what LOOK does not find, and
# updates what it finds.
ensure() {
  local what=$1
  shift
  split "$@"
  full "${first[@]}"
  local look=("${full[@]}")
  if [ -n "$dry_run" ]; then
    if [ ${#third[@]} -gt 0 ]; then
      say "if $(words "${look[@]}") >/dev/null 2>&1; then"
      full "${third[@]}"
      say "  $(words "${full[@]}")"
      say 'else'
      full "${second[@]}"
      say "  $(words "${full[@]}")"
      say 'fi'
    else
      full "${second[@]}"
      say "$(words "${look[@]}") >/dev/null 2>&1 ||"
      say "  $(words "${full[@]}")"
    fi
    return
  fi
  if said=$("${look[@]}" 2>&1 >/dev/null); then
    if [ ${#third[@]} -gt 0 ]; then
      run "${third[@]}"
      say "  set    $what"
    else
      say "  there  $what"
    fi
    return
  fi
  local looked=$said
  full "${second[@]}"
  if ! attempt; then
    said+=$'\nLooking for it had said: '$looked
    give_up
  fi
  say "  made   $what"
}

# unless_prints WHAT WANT LOOK -- DO: does it unless LOOK prints WANT, or
# anything where WANT is empty.
unless_prints() {
  local what=$1 want=$2 got
  shift 2
  split "$@"
  full "${first[@]}"
  local look=("${full[@]}")
  full "${second[@]}"
  if [ -n "$dry_run" ]; then
    if [ -n "$want" ]; then
      say "test \"\$($(words "${look[@]}"))\" = $(quote "$want") ||"
    else
      say "test -n \"\$($(words "${look[@]}"))\" ||"
    fi
    say "  $(words "${full[@]}")"
    return
  fi
  full=("${look[@]}")
  said='(what it printed is above)'
  got=$("${full[@]}") || give_up
  if [ "$got" = "$want" ] || [ -z "$want" ] && [ -n "$got" ]; then
    say "  there  $what"
    return
  fi
  full "${second[@]}"
  attempt || give_up
  say "  made   $what"
}

# require MESSAGE COMMAND: stops with the message where the command fails.
require() {
  local message=$1
  shift
  full "$@"
  if [ -n "$dry_run" ]; then
    say "$(words "${full[@]}") >/dev/null"
    return
  fi
  said=$("${full[@]}" 2>&1 >/dev/null) || fail "$message
$said"
}

# own_bucket BUCKET: stops unless the bucket is the project's. Names of buckets are
# everybody's, and ours can be guessed: who makes one first and lets us use it would
# read and write what we keep there.
own_bucket() {
  full gcloud storage buckets describe "gs://$1" --raw --format='value(projectNumber)'
  local message="gs://$1 is of another project; find out whose it is, and choose another --name"
  if [ -n "$dry_run" ]; then
    say "if [ \"\$($(words "${full[@]}"))\" != \"$PROJECT_NUMBER\" ]; then"
    say "  echo $(quote "$message") >&2"
    say '  exit 1'
    say 'fi'
    return
  fi
  local owner
  said='(what it printed is above)'
  owner=$("${full[@]}") || give_up
  [ "$owner" = "$PROJECT_NUMBER" ] || fail "$message"
}

# grant WHAT ROLE MEMBER COMMAND: adds a binding, which is harmless where it is
# there. Accounts that were made just now are not known everywhere at once.
grant() {
  local what=$1 role=$2 member=$3 tries=6
  shift 3
  full gcloud "$@" --member="$member" --role="$role" --format=none
  if [ -n "$dry_run" ]; then
    words "${full[@]}"
    say
    return
  fi
  until attempt; do
    case $said in
      *'does not exist'* | *NOT_FOUND* | *oncurrent*) tries=$((tries - 1)) ;;
      *) tries=0 ;;
    esac
    if [ "$tries" -eq 0 ]; then
      said+=$'\nIf an organization policy forbids it: docs/deploy.md, "Organization policies".'
      give_up
    fi
    sleep 10
  done
  say "  grant  $role on $what to ${member#serviceAccount:}"
}
