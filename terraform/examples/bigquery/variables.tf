variable "project_id" {
  description = "Project to deploy to."
  type        = string
}

variable "region" {
  description = "Region, such as europe-west1."
  type        = string
}

variable "api_key_secret" {
  description = "Secret with the Gemini API key, projects/PROJECT/secrets/SECRET; default: gemini-api-key in the project."
  type        = string
  default     = null
}

variable "deletion_protection" {
  description = "false before a destroy that is meant."
  type        = bool
  default     = true
}
