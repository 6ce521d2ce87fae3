# A project that is there already: its buckets, its key, its conventions. The
# APIs are enabled by another team.

variable "kms_key_name" {
  description = "Key for data at rest, projects/P/locations/REGION/keyRings/R/cryptoKeys/K."
  type        = string
}

# Once for all receivers that use the key. Leave it out where another team grants
# the use of keys, and name the key itself below.
module "key_grants" {
  source = "../../modules/key_grants"

  project_id  = var.project_id
  key_name    = var.kms_key_name
  enable_apis = false
}

module "receiver" {
  source = "../.."

  project_id     = var.project_id
  region         = var.region
  api_key_secret = var.api_key_secret
  name           = "search-gemini"
  labels         = { team = "search", environment = "production" }

  deletion_protection = var.deletion_protection

  enable_apis = false
  cmek        = { key_name = module.key_grants.key_name }

  # Read where jobs write to already, and nothing beside it.
  results = {
    buckets = [
      { name = "search-batches" },
      { name = "shared-ml", prefix = "search/gemini/" },
    ]
  }

  # Topics that others subscribe to already, and accounts that another team makes.
  topics = { existing_outcomes = "search-events", existing_results = "search-results" }
  service_accounts = {
    public = "search-gemini-public@${var.project_id}.iam.gserviceaccount.com"
    tasks  = "search-gemini-tasks@${var.project_id}.iam.gserviceaccount.com"
  }

  # A load balancer in front, with a domain of one's own.
  webhook       = { base_url = "https://gemini-hooks.search.example.com" }
  public_access = { ingress = "ALLOW_INTERNAL_AND_GCLB" }
}

output "function" {
  description = "Name of the function to put behind the load balancer, as a serverless network endpoint group."
  value       = "search-gemini"
}

output "outcomes_topic" {
  description = "Topic to subscribe to."
  value       = module.receiver.topics.outcomes
}
