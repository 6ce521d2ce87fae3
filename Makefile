# GNU make 3.81 or newer. demo, test and bench need Go and a POSIX shell; the
# other targets also bash.

PKG      := ./...
FUZZTIME ?= 60s
KEEP     ?=

# A checkout without git, such as an unpacked archive, gives an empty commit;
# the version then ends in "+dev".
COMMIT  = $(shell git describe --always --dirty --exclude='*' 2>/dev/null)
LDFLAGS = -X example.com/gemini-webhook/internal/version.Version=$(COMMIT)

# What the root module asks for (terraform/versions.tf): the version without the
# commit, in a filesystem mirror where terraform init finds it.
PROVIDER_VERSION = $(shell sed -n 's/^const base = "\(.*\)"/\1/p' internal/version/version.go)
PROVIDER_DIR     = terraform/terraform.d/plugins/terraform.local/gemini/gemini/$(PROVIDER_VERSION)/$(shell go env GOOS)_$(shell go env GOARCH)

# Of deploy and destroy. The state is kept in terraform/ unless the module is
# given a backend; cloudbuild.yaml keeps it in a bucket.
PROJECT        ?=
REGION         ?= us-central1
API_KEY_SECRET ?= projects/$(PROJECT)/secrets/gemini-api-key
TF_VARS         = -var=project_id=$(PROJECT) -var=region=$(REGION) -var=api_key_secret=$(API_KEY_SECRET)

# As the function is built: it leaves out a part of the storage client that is
# not used, and much of what there is to compile.
export GOFLAGS := $(GOFLAGS) -tags=disable_grpc_modules

.DEFAULT_GOAL := help
.PHONY: help demo test check fuzz soak bench fmt lint provider terraform-test deploy destroy clean

help: ## Show this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## Run the whole system on this machine, nothing to install or to pay; KEEP=1 leaves it running
	@go run -ldflags "$(LDFLAGS)" ./cmd/demo $(if $(KEEP),-keep)

test: ## Run the tests
	go test $(PKG)
	cd terraform/provider && go test ./...

check: ## Everything a change must pass: format, lint, modules, scripts, tests with -race, Terraform, short fuzzing
	@scripts/check

fuzz: ## Fuzz every target for FUZZTIME (60s)
	@FUZZTIME=$(FUZZTIME) scripts/fuzz

SOAK       ?= 10m
SOAK_LINES ?= 1000000

soak: ## Run both doors under faults and kills for SOAK (10m) with SOAK_LINES (1000000), and balance the ledger
	SOAK=$(SOAK) SOAK_LINES=$(SOAK_LINES) go test -count=1 -timeout=0 -v -run='^TestSoak$$' ./internal/e2e

RUNS ?= 5

bench: ## Run the benchmarks RUNS times (5) and print docs/performance.md's table; takes ten minutes
	@RUNS=$(RUNS) scripts/bench

fmt: ## Format the Go code
	gofmt -w .

lint: ## Run go vet and staticcheck
	@scripts/check vet staticcheck

provider: ## Build the Terraform provider to where terraform init finds it
	cd terraform/provider && go build -ldflags "-s -w -X main.version=$(PROVIDER_VERSION)" \
	  -o "$(CURDIR)/$(PROVIDER_DIR)/terraform-provider-gemini_v$(PROVIDER_VERSION)" .

terraform-test: ## Test the Terraform modules; needs terraform and stand-ins for Google's providers
	@scripts/terraform-test

deploy: project provider ## Deploy to PROJECT (REGION, API_KEY_SECRET) with Terraform, which asks before it changes anything
	terraform -chdir=terraform init -input=false
	terraform -chdir=terraform apply $(TF_VARS)

destroy: project provider ## Destroy what deploy made in PROJECT; asks first
	terraform -chdir=terraform init -input=false
	terraform -chdir=terraform destroy $(TF_VARS)

.PHONY: project
project:
	@[ -n "$(PROJECT)" ] || { echo 'say which project: make deploy PROJECT=my-project'; exit 1; }

clean: ## Remove what builds and tests leave behind
	rm -rf bin coverage.out coverage.html terraform/terraform.d
	find . -name '*.test' -type f -exec rm -f {} +
