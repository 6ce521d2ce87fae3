# GNU make 3.81 or newer. demo, test, dev and bench need Go and a POSIX shell; the
# other targets also bash.

# What people set. These are texts: make does not expand what is in them, and
# recipes get them by the environment, so that no shell reads them as commands.
GIVEN = PROJECT REGION API_KEY_SECRET BACKEND PLUGIN_DIR PLATFORMS PKG KEEP FUZZTIME SOAK SOAK_LINES RUNS MUTATIONS MUTANTS
# "make deploy PROJECT=$$PROJECT" with an empty variable is a mistake, and not what
# is in terraform.tfvars.
EMPTY := $(strip $(foreach v,$(GIVEN),$(if $(filter command,$(firstword $(origin $v))),$(if $(strip $(value $v)),,$v))))
$(foreach v,$(GIVEN),$(if $(filter command environment,$(firstword $(origin $(v)))),$(eval override $(v) := $$(value $(v)))))
export $(GIVEN)

# A checkout without git, such as an unpacked archive, gives an empty commit;
# the version then ends in "+dev".
COMMIT  = $(shell git describe --always --dirty --exclude='*' 2>/dev/null)
LDFLAGS = -X example.com/gemini-webhook/internal/version.Version=$(COMMIT)

# As the function is built: it leaves out a part of the storage client that is
# not used, and much of what there is to compile.
export GOFLAGS := $(GOFLAGS) -tags=disable_grpc_modules

.DEFAULT_GOAL := help
.PHONY: help demo test dev quick check fuzz soak drill mutate bench fmt lint provider terraform-test deploy destroy clean

help: ## Show this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## Run the whole system on this machine, nothing to install or to pay; KEEP=1 leaves it running
	@go run -ldflags "$(LDFLAGS)" ./cmd/demo $${KEEP:+-keep}

test: ## Run the tests
	go test $${PKG:-./...}
	cd terraform/provider && go test ./...

dev: ## Run the receiver beside an embedded cloud, with a page that shows deliveries
	@go run -ldflags "$(LDFLAGS)" ./cmd/webhookctl dev

quick: ## Format, vet and the tests that are fast, in less than a minute: while you work
	@scripts/check --quick

check: ## Everything a change must pass, and what was skipped: what CI runs
	@scripts/check

fuzz: ## Fuzz every target for FUZZTIME (60s)
	@scripts/fuzz

soak: ## Run both doors under faults and kills for SOAK (10m) with SOAK_LINES (1000000), and balance the ledger
	SOAK="$${SOAK:-10m}" SOAK_LINES="$${SOAK_LINES:-1000000}" go test -count=1 -timeout=0 -v -run='^TestSoak$$' ./internal/e2e

drill: ## Make each alert's condition here, and repair it by its runbook's commands; takes a minute
	go test -count=1 -v -run='^(TestDrill|TestEveryAlertIsDrilled)$$' ./internal/e2e

mutate: ## Take out each check of docs/security-model.md and see its test fail (MUTATIONS), then gremlins (MUTANTS)
	@scripts/mutate

bench: ## Run the benchmarks RUNS times (5) and print docs/performance.md's table; takes ten minutes
	@scripts/bench

fmt: ## Format the Go code and group its imports
	@scripts/check fmt

lint: ## Run go vet, staticcheck and gocyclo
	@scripts/check vet staticcheck complexity

provider: ## Build the Terraform provider to where Terraform finds it, and print its version (PLUGIN_DIR, PLATFORMS)
	@scripts/provider

terraform-test: ## Test the Terraform modules; needs terraform and stand-ins for Google's providers
	@scripts/terraform-test

deploy: given ## Deploy to PROJECT with Terraform, which asks before it changes anything (REGION, API_KEY_SECRET, BACKEND)
	@MAKE_TARGET=deploy scripts/deploy-terraform.sh apply

destroy: given ## Destroy what deploy made in PROJECT; asks first
	@MAKE_TARGET=destroy scripts/deploy-terraform.sh destroy

.PHONY: given
given:
	$(if $(EMPTY),$(error $(firstword $(EMPTY)) is empty: give it a value or leave it out))
	@:

clean: ## Remove what builds and tests leave behind
	rm -rf bin coverage.out coverage.html
	find . -name '*.test' -type f -exec rm -f {} +
