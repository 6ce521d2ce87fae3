variable "project_id" {
  description = "Project of the receivers."
  type        = string
}

variable "key_name" {
  description = "The key, projects/P/locations/REGION/keyRings/R/cryptoKeys/K; its project may be another."
  type        = string
  validation {
    condition     = can(regex("^projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+$", var.key_name))
    error_message = "key_name must be projects/P/locations/L/keyRings/R/cryptoKeys/K, without a version."
  }
}

variable "enable_apis" {
  description = "Enable the APIs whose agents are granted the key; false where another team does."
  type        = bool
  default     = true
  nullable    = false
}
