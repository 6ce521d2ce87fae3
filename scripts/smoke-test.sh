#!/usr/bin/env bash
# Has Gemini send a test delivery, and waits until it has come all the way: from
# the public door through the queue and the private door to the outcomes.
#
#   scripts/smoke-test.sh --project=P --name=gemini-webhook --api-key-secret=projects/P/secrets/S
#
# WEBHOOKCTL names the program (default: go run ./cmd/webhookctl), SECONDS_TO_WAIT
# how long to wait (default 180). What a test delivery holds is not documented, so
# any outcome of a delivery that a signing secret verified counts: it has taken
# the same way.
set -euo pipefail
cd "$(dirname "$0")/.."

project='' name=gemini-webhook api_key_secret=''
for option in "$@"; do
  case $option in
    --project=*) project=${option#*=} ;;
    --name=*) name=${option#*=} ;;
    --api-key-secret=*) api_key_secret=${option#*=} ;;
    *)
      echo "smoke-test.sh: there is no option $option" >&2
      exit 2
      ;;
  esac
done
if [ -z "$project" ] || [ -z "$api_key_secret" ]; then
  echo 'smoke-test.sh: give --project=P and --api-key-secret=projects/P/secrets/S' >&2
  exit 2
fi
matches() { [[ $1 =~ ^($2)$ ]]; }
if ! matches "$project" '[a-z][a-z0-9-]{4,28}[a-z0-9]' || ! matches "$name" '[a-z][a-z0-9-]{1,21}[a-z0-9]' ||
  ! matches "$api_key_secret" 'projects/[a-z0-9.:-]+/secrets/[A-Za-z0-9_-]{1,255}'; then
  echo 'smoke-test.sh: --project wants a project id, --name the deployment'"'"'s name, --api-key-secret projects/P/secrets/S' >&2
  exit 2
fi
IFS=' ' read -r -a webhookctl <<<"${WEBHOOKCTL:-go run ./cmd/webhookctl}"

# A subscription of its own, so that nobody else's messages are taken.
subscription=$name-smoke-$(date +%s)-$$
gcloud pubsub subscriptions create "$subscription" --project="$project" --topic="$name-outcomes" \
  --message-filter='attributes.origin = "signing_secret"' --expiration-period=1d --quiet
trap 'gcloud pubsub subscriptions delete "$subscription" --project="$project" --quiet' EXIT

"${webhookctl[@]}" webhook ping --secret="projects/$project/secrets/$name-signing-secret" --api-key-secret="$api_key_secret"

limit=${SECONDS_TO_WAIT:-180}
start=$SECONDS
while [ $((SECONDS - start)) -lt "$limit" ]; do
  outcome=$(gcloud pubsub subscriptions pull "$subscription" --project="$project" --limit=1 --auto-ack \
    --format='value(message.attributes.type)' --quiet)
  if [ -n "$outcome" ]; then
    echo "smoke test: an outcome of type $outcome came $((SECONDS - start)) s after the ping"
    exit
  fi
  sleep 2
done

cat >&2 <<END
smoke test: no outcome within $limit s of Gemini's test delivery. Look, in this order:
  1. webhookctl doctor: are both doors, the queue and the secrets as they should be?
  2. the log of the function $name: was the delivery refused (docs/runbooks/deliveries-refused.md),
     answered 503 (docs/runbooks/deliveries-503.md), or did none come? Then: webhookctl webhook get
  3. the log of the function $name-tasks, and the dead letters (docs/runbooks/dead-letters.md)
END
exit 1
