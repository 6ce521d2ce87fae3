variable "project_id" {
  description = "Project of topic and subscription."
  type        = string
}

variable "name" {
  description = "Name of both."
  type        = string
}

variable "retention" {
  description = "How long messages are kept, seconds with an s; Pub/Sub's maximum is 2678400s, 31 days."
  type        = string
}

variable "publisher" {
  description = "Pub/Sub's service agent, as an IAM member."
  type        = string
}

variable "kms_key_name" {
  description = "Customer-managed key, or null."
  type        = string
}

variable "labels" {
  description = "Labels of both."
  type        = map(string)
}
