# Required

variable "project_id" {
  description = "Id of the project that everything is made in. It must have a billing account."
  type        = string
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project_id))
    error_message = "project_id must be a project's id (6 to 30 lower-case letters, digits and '-'), not its number and not its name: see the column PROJECT_ID of \"gcloud projects list\"."
  }
}

variable "region" {
  description = "Region of the functions and buckets, such as europe-west1. Choose the one of the buckets that results are in: reading across regions costs time and money."
  type        = string
  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "region must be a region such as europe-west1, not a zone (europe-west1-b) and not a multi-region (EU)."
  }
}

# Everything else is optional

variable "api_key_secret" {
  description = "Secret Manager secret whose newest version is the Gemini API key, as projects/PROJECT/secrets/SECRET; default: gemini-api-key in project_id. It may be in another project. The webhook is registered in the key's project. The private door reads it for what the Gemini API has: results of batches without a gs:// pointer, which most have not, the jobs themselves, videos and answers of interactions; results.files_api = false leaves all that out."
  type        = string
  default     = null
  validation {
    condition     = var.api_key_secret == null || can(regex("^projects/[a-z0-9.:-]+/secrets/[A-Za-z0-9_-]{1,255}$", var.api_key_secret))
    error_message = "api_key_secret must name a secret as projects/PROJECT/secrets/SECRET, without /versions/…, and is never the key itself. To make one: printf %s \"$GEMINI_API_KEY\" | gcloud secrets create gemini-api-key --data-file=-"
  }
}

variable "name" {
  description = "What the names of all resources begin with, and the webhook's name at Gemini. Two receivers in one project need two names."
  type        = string
  default     = "gemini-webhook"
  nullable    = false
  validation {
    # 23: a service account's id has 30 characters at most, and "-public" is one of the endings.
    condition     = can(regex("^[a-z][a-z0-9-]{1,21}[a-z0-9]$", var.name)) && !startswith(var.name, "goog") && !strcontains(var.name, "--")
    error_message = "name must be 3 to 23 lower-case letters, digits and single '-', a letter first, no '-' at the end, and must not begin with goog: shorten it, since service accounts are called NAME-public."
  }
}

variable "labels" {
  description = "Labels of everything that takes labels."
  type        = map(string)
  default     = {}
  nullable    = false
  validation {
    condition     = alltrue([for k, v in var.labels : can(regex("^[a-z][a-z0-9_-]{0,62}$", k)) && can(regex("^[a-z0-9_-]{0,63}$", v))])
    error_message = "labels must have lower-case keys and values of up to 63 letters, digits, '_' and '-': write team = \"search\", not Team = \"Search Infra\"."
  }
}

variable "single_service" {
  description = "true: one function serves both doors. Cheaper to look at, but a big batch then competes with deliveries, and the public function holds the rights of both. For trying things out."
  type        = bool
  default     = false
  nullable    = false
}

variable "enable_apis" {
  description = "Enable the APIs that are needed. false where another team does; terraform/README.md lists them."
  type        = bool
  default     = true
  nullable    = false
}

variable "deletion_protection" {
  description = "true: a destroy of everything is refused when it is planned, and secrets, buckets and tables refuse to be destroyed with what is in them. \"make destroy\" sets it to false first."
  type        = bool
  default     = true
  nullable    = false
}
