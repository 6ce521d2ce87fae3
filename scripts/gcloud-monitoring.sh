# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034 # options and names are of gcloud-common.sh, as is what reads them
# Metrics, service levels, dashboard and alerts, of the definitions that Terraform
# reads, too: terraform/monitoring. deploy-gcloud.sh and destroy-gcloud.sh source it.

# thresholds prints those of the module with their defaults: NAME VALUE.
thresholds() {
  sed -n '/thresholds = optional(object({/,/}), {})/s/^ *\([a-z0-9_]*\) *= optional(number, \([0-9.]*\))$/\1 \2/p' \
    terraform/modules/options/variables_options.tf
}

# check_monitoring wants what the module wants, as far as a wrong value would be accepted.
check_monitoring() {
  local channel threshold
  for channel in ${notification_channels[@]+"${notification_channels[@]}"}; do
    matches "$channel" 'projects/[a-z0-9.:-]+/notificationChannels/[0-9]+' ||
      wrong_usage '--notification-channel wants projects/P/notificationChannels/N: see "gcloud beta monitoring channels list"'
  done
  for threshold in ${alert_thresholds[@]+"${alert_thresholds[@]}"}; do
    if ! matches "$threshold" '[a-z0-9_]+=[0-9]+(\.[0-9]+)?' || ! thresholds | grep -q "^${threshold%%=*} "; then
      wrong_usage "--alert-threshold wants NAME=NUMBER, of $(thresholds | cut -d' ' -f1 | tr '\n' ' ')"
    fi
  done
  [ -z "$runbook_base_url" ] || matches "$runbook_base_url" 'https://[A-Za-z0-9._~:/%-]*[A-Za-z0-9._~%-]' ||
    wrong_usage '--runbook-base-url wants https://HOST/PATH without a slash at the end'
}

# placeholders prints a sed script that fills in what the definitions leave open. Of a
# threshold that was given the first line counts.
placeholders() {
  local pair channels='' hours=0 late
  for pair in ${notification_channels[@]+"${notification_channels[@]}"}; do channels+=${channels:+, }\"$pair\"; done
  late=$({ printf '%s\n' ${alert_thresholds[@]+"${alert_thresholds[@]}"}; thresholds | tr ' ' =; } | sed -n 's/^rotation_late_hours=//p' | head -1)
  [ -z "$rotation_period" ] || hours=$(((${rotation_period%s} + 3599) / 3600 + late))
  for pair in project="$project" name="$name" prefix="${name//-/_}" region="$region" public="$public" tasks="$tasks" rotate="$rotate" \
    reconcile="$reconcile" notification_channels="[$channels]" rotation_hours="$hours" \
    runbook_base_url="${runbook_base_url:-https://storage.cloud.google.com/$runbook_bucket/runbooks}" \
    ${alert_thresholds[@]+"${alert_thresholds[@]}"} $(thresholds | tr ' ' =); do
    printf 's|${%s}|%s|g\n' "${pair%%=*}" "${pair#*=}"
  done
}

# start_monitoring makes a directory for filled definitions, and the header of requests.
start_monitoring() {
  filled_dir=$scratch
  if [ -n "$dry_run" ]; then
    filled_dir="\$MONITORING"
    say "MONITORING=\$(mktemp -d)"
    say "cat >\"\$MONITORING/placeholders.sed\" <<'END'"
    placeholders
    say END
    say "printf 'Authorization: Bearer %s\\n' \"\$(gcloud auth print-access-token)\" >\"\$MONITORING/header\""
    return
  fi
  placeholders >"$scratch/placeholders.sed"
  printf 'Authorization: Bearer %s\n' "$(gcloud auth print-access-token)" >"$scratch/header"
}

# fill FILE sets filled to a definition without placeholders.
fill() {
  filled=$filled_dir/${1//\//-}
  if [ -n "$dry_run" ]; then
    say "sed -f \"\$MONITORING/placeholders.sed\" terraform/monitoring/$1 >\"$filled\""
  else
    sed -f "$filled_dir/placeholders.sed" "terraform/monitoring/$1" >"$filled"
  fi
}

# request METHOD URL [FILE] sets command to an HTTP request. The token is in a file: who
# lists processes sees commands.
request() {
  command=(curl --fail-with-body -sS -X "$1" -H "@$filled_dir/header" "$2")
  [ $# -lt 3 ] || command+=(-H 'Content-Type: application/json' -d "$3")
}

# group KIND sets the array group: alert policies are not in every track of gcloud.
group() {
  group=(gcloud monitoring "$1")
  [ "$1" != policies ] || group=(gcloud alpha monitoring policies)
}

# titled KIND TITLE OPTION FILE makes or updates what has no id of its own: a dashboard
# or an alert policy.
titled() {
  local id
  group "$1"
  full "${group[@]}" list --filter="displayName=\"$2\"" --format='value(name)' --limit=1
  if [ -n "$dry_run" ]; then
    say "ID=\$($(words "${full[@]}"))"
    say "if [ -n \"\$ID\" ]; then"
    full "${group[@]}" update "\$ID" "$3=$4"
    say "  $(words "${full[@]}")"
    say 'else'
    full "${group[@]}" create "$3=$4"
    say "  $(words "${full[@]}")"
    say 'fi'
    return
  fi
  said='(what it printed is above)'
  id=$("${full[@]}") || give_up
  if [ -n "$id" ]; then
    run "${group[@]}" update "$id" "$3=$4"
    say "  set    $2"
  else
    run "${group[@]}" create "$3=$4"
    say "  made   $2"
  fi
}

# wanted_alerts prints the names of alerts on what is there: there is no BigQuery.
wanted_alerts() {
  local file alert
  [ ${#notification_channels[@]} -gt 0 ] || return 0
  for file in terraform/monitoring/alerts/*.json; do
    alert=$(basename "$file" .json)
    case $alert in
      bigquery-*) continue ;;
      rotation-missed) [ -n "$rotation_period" ] || continue ;;
      canary-missing) [[ -n $reconciles && -n $canary ]] || continue ;;
      deliveries-absent | reconciliation-missing | webhook-disabled) [ -n "$reconciles" ] || continue ;;
    esac
    say "$alert"
  done
}

make_monitoring() {
  comment 'Metrics, service levels, the dashboard and alerts'
  local file it alert look make
  start_monitoring
  for file in terraform/monitoring/metrics/*.json; do
    it=$name-$(basename "$file" .json)
    fill "metrics/${file##*/}"
    ensure "metric $it" gcloud logging metrics describe "$it" -- \
      gcloud logging metrics create "$it" --config-from-file="$filled" -- \
      gcloud logging metrics update "$it" --config-from-file="$filled"
  done
  request GET "$service_url/$name"
  look=("${command[@]}")
  request POST "$service_url?serviceId=$name" "{\"displayName\": \"$name\", \"custom\": {}}"
  ensure "service $name" "${look[@]}" -- "${command[@]}"
  for file in terraform/monitoring/slos/*.json; do
    it=$(basename "$file" .json)
    fill "slos/${file##*/}"
    request GET "$service_url/$name/serviceLevelObjectives/$it"
    look=("${command[@]}")
    request POST "$service_url/$name/serviceLevelObjectives?serviceLevelObjectiveId=$it" "@$filled"
    make=("${command[@]}")
    request PATCH "$service_url/$name/serviceLevelObjectives/$it" "@$filled"
    ensure "service level $it" "${look[@]}" -- "${make[@]}" -- "${command[@]}"
  done
  fill dashboard.json
  titled dashboards "$name: from the door to the last line" --config-from-file "$filled"
  publish_runbooks
  for alert in $(wanted_alerts); do
    fill "alerts/$alert.json"
    titled policies "$name: ${alert//./, }" --policy-from-file "$filled"
  done
}

# publish_runbooks puts them where whoever may read the bucket opens them with a
# browser, unless they are published somewhere else.
publish_runbooks() {
  [ ${#notification_channels[@]} -gt 0 ] && [ -z "$runbook_base_url" ] || return 0
  ensure "bucket $runbook_bucket" gcloud storage buckets describe "gs://$runbook_bucket" -- \
    gcloud storage buckets create "gs://$runbook_bucket" --location="$region" \
    --uniform-bucket-level-access --public-access-prevention
  own_bucket "$runbook_bucket"
  run gcloud storage cp docs/runbooks/*.md "gs://$runbook_bucket/runbooks/" --content-type='text/plain; charset=utf-8'
}

# drop_titled KIND TITLE deletes a dashboard or an alert policy.
drop_titled() {
  local id
  group "$1"
  full "${group[@]}" list --filter="displayName=\"$2\"" --format='value(name)' --limit=1
  if [ -n "$dry_run" ]; then
    say "ID=\$($(words "${full[@]}"))"
    full "${group[@]}" delete "\$ID"
    say "test -z \"\$ID\" || $(words "${full[@]}")"
    return
  fi
  id=$("${full[@]}") || id=
  if [ -z "$id" ]; then
    say "  gone   $2"
    return
  fi
  run "${group[@]}" delete "$id"
  say "  delete $2"
}

delete_monitoring() {
  comment 'Alerts, the dashboard, service levels, metrics, and the runbooks'
  local file it look
  start_monitoring
  for file in terraform/monitoring/alerts/*.json; do
    it=$(basename "$file" .json)
    drop_titled policies "$name: ${it//./, }"
  done
  drop_titled dashboards "$name: from the door to the last line"
  for file in terraform/monitoring/slos/*.json; do
    it=$(basename "$file" .json)
    request GET "$service_url/$name/serviceLevelObjectives/$it"
    look=("${command[@]}")
    request DELETE "$service_url/$name/serviceLevelObjectives/$it"
    drop "service level $it" "${look[@]}" -- "${command[@]}"
  done
  request GET "$service_url/$name"
  look=("${command[@]}")
  request DELETE "$service_url/$name"
  drop "service $name" "${look[@]}" -- "${command[@]}"
  for file in terraform/monitoring/metrics/*.json; do
    it=$name-$(basename "$file" .json)
    drop "metric $it" gcloud logging metrics describe "$it" -- gcloud logging metrics delete "$it"
  done
  drop "bucket $runbook_bucket" gcloud storage buckets describe "gs://$runbook_bucket" -- gcloud storage rm --recursive "gs://$runbook_bucket"
}
