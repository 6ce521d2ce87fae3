#!/usr/bin/env bash
# What "make deploy" and "make destroy" run: builds the provider, prepares
# terraform/ as a root module, says what it is about to work on, and has
# Terraform show its plan and ask.
#
#   scripts/deploy-terraform.sh apply|destroy [TERRAFORM'S OPTIONS]
#
# PROJECT         project to deploy to       what is not set here is taken from
# REGION          region                     terraform/terraform.tfvars, else from
# API_KEY_SECRET  projects/P/secrets/S       the last apply; what is in neither,
#                                            Terraform asks for
# BACKEND         gs://BUCKET or gs://BUCKET/PREFIX: keep the state there from
#                 now on; without it, the state is where it was, at first in
#                 terraform/terraform.tfstate
set -euo pipefail
cd -P "$(dirname "$0")/.."

die() {
  printf '%s\n' "$*" >&2
  exit 1
}

command=${1-}
case $command in
  apply | destroy) shift ;;
  *) die 'usage: scripts/deploy-terraform.sh apply|destroy [option...]' ;;
esac

command -v terraform >/dev/null || die 'terraform is not installed: see https://developer.hashicorp.com/terraform/install (1.9 or newer)'
command -v go >/dev/null || die 'go is not installed: see https://go.dev/dl/ (the version in go.mod or newer)'

# checked NAME PATTERN WANT refuses what is set and is something else.
checked() {
  [[ -z "${!1-}" || ${!1} =~ ^($2)$ ]] || die "$1 wants $3"
}
checked PROJECT '[a-z][a-z0-9-]{4,28}[a-z0-9]' "a project's id, see the column PROJECT_ID of \"gcloud projects list\""
checked REGION '[a-z]+-[a-z]+[0-9]+' 'a region such as europe-west1'
checked API_KEY_SECRET 'projects/[a-z0-9.:-]+/secrets/[A-Za-z0-9_-]+' 'projects/P/secrets/S, never the key itself'
checked BACKEND 'gs://[a-z0-9][a-z0-9._-]{1,220}[a-z0-9](/[A-Za-z0-9._/-]*[A-Za-z0-9])?/?' \
  'gs://BUCKET or gs://BUCKET/PREFIX, of a bucket that is there: gcloud storage buckets create gs://BUCKET --location=REGION --uniform-bucket-level-access --public-access-prevention'

# told NAME VARIABLE adds -var for what is set. That is the strongest of
# Terraform's ways to give a variable, so nothing else may be given so.
options=("$@")
told() {
  if [ -n "${!1-}" ]; then options+=("-var=$2=${!1}"); fi
}
told PROJECT project_id
told REGION region
told API_KEY_SECRET api_key_secret

backend=terraform/backend_override.tf
if [ -z "${PROJECT-}${TF_VAR_project_id-}${BACKEND-}" ] && [ ! -e "$backend" ] && [ ! -e terraform/terraform.tfstate ] && ! grep -qs '^ *project_id *=' terraform/*.tfvars; then
  die "say which project: make ${MAKE_TARGET:-deploy} PROJECT=my-project REGION=europe-west1, or project_id and region in terraform/terraform.tfvars"
fi

migrate=
if [ -n "${BACKEND-}" ]; then
  [[ $BACKEND =~ ^gs://([^/]+)/?(.*[^/])?/?$ ]]
  text=$(printf '# Written by "make deploy BACKEND=...": where the state is.\nterraform {\n  backend "gcs" {\n    bucket = "%s"\n    prefix = "%s"\n  }\n}' \
    "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]:-gemini-webhook}")
  if [ "$text" != "$(cat "$backend" 2>/dev/null)" ]; then
    printf '%s\n' "$text" >"$backend"
    migrate=-migrate-state # asks before it copies a state that is there
  fi
fi

# The provider that was built from these sources, and no other that is there: a
# lock file of an earlier version of the sources names another one.
version=$(scripts/provider)
address=$(scripts/provider --address)
printf '# Written by "make deploy": the provider that these sources make.\nterraform {\n  required_providers {\n    gemini = {\n      source  = "%s"\n      version = "%s"\n    }\n  }\n}\n' \
  "$address" "$version" >terraform/provider_override.tf
lock=terraform/.terraform.lock.hcl
if [ -e "$lock" ]; then
  awk -v address="provider \"$address\" {" -v version="\"$version\"" '
    $0 == address { held = $0; inside = 1; next }
    inside && $1 == "version" { keep = ($3 == version) }
    inside { held = held "\n" $0; if ($0 == "}") { if (keep) print held; inside = 0 }; next }
    { print }' "$lock" >"$lock.new"
  mv "$lock.new" "$lock"
fi

# -test-directory: those of tests/ are no modules that a deployment needs.
if [ -n "$migrate" ]; then
  terraform -chdir=terraform init "$migrate" -test-directory=modules
else
  terraform -chdir=terraform init -input=false -test-directory=modules
fi

# From the last apply, in the weakest of Terraform's ways: terraform.tfvars counts
# before it.
deployed=$(terraform -chdir=terraform output -json deployment 2>/dev/null) || deployed=
for variable in project_id region name api_key_secret; do
  value=$(printf '%s' "$deployed" | sed -n "s/.*\"$variable\": *\"\([^\"]*\)\".*/\1/p")
  given=TF_VAR_$variable
  if [ -n "$value" ] && [ -z "${!given-}" ]; then export "$given=$value"; fi
done

# Every time, for a plan of few changes names neither.
where=$(printf '"project ${var.project_id}, region ${var.region}, as ${var.name}"\n' |
  terraform -chdir=terraform console -input=false ${options[@]+"${options[@]}"} 2>/dev/null | tr -d '"') || where=
if [ -e "$backend" ]; then
  state=$(sed -n 's/^ *bucket = "\(.*\)"/gs:\/\/\1/p; s/^ *prefix = "\(.*\)"/\/\1/p' "$backend" | tr -d '\n')
else
  state=terraform/terraform.tfstate
fi
printf '\n%s: %s (state in %s)\n\n' "$command" "${where:-what you are asked for}" "$state"

if [ "$command" = destroy ]; then
  # What is protected goes by what was applied last, so that is changed first,
  # and nothing else with it. The destroy itself asks.
  options+=(-var=deletion_protection=false)
  targets=()
  while IFS= read -r target; do
    targets+=("-target=$target")
  done < <(terraform -chdir=terraform state list 2>/dev/null |
    grep -E '^(gemini_deletion_guard\.this|google_secret_manager_secret\.signing|google_storage_bucket\.(state|results\[0\])|module\.bigquery\[0\]\.google_bigquery_(dataset\.this|table\.this\[.*\]))$')
  if [ ${#targets[@]} -gt 0 ]; then
    terraform -chdir=terraform apply -auto-approve "${options[@]}" "${targets[@]}" </dev/null >/dev/null
    printf 'deletion_protection is off now; the next "make deploy" turns it on again.\n\n'
  fi
fi

exec terraform -chdir=terraform "$command" ${options[@]+"${options[@]}"}
