variable "project_id" {
  description = "Project of dataset and subscriptions."
  type        = string
}

variable "name" {
  description = "What the subscriptions' names begin with."
  type        = string
}

variable "dataset_id" {
  description = "Dataset to make."
  type        = string
}

variable "location" {
  description = "Location of the dataset."
  type        = string
}

variable "delete_after_days" {
  description = "Age at which partitions are dropped; null: never."
  type        = number
}

variable "deletion_protection" {
  description = "terraform destroy refuses to delete the tables."
  type        = bool
}

variable "topics" {
  description = "Table to topic: a table for each. results is one of them."
  type        = map(string)
}

variable "pubsub_agent" {
  description = "Pub/Sub's service agent, as an IAM member."
  type        = string
}

variable "dead_letter_retention" {
  description = "How long what cannot be written is kept, seconds with an s."
  type        = string
}

variable "kms_key_name" {
  description = "Customer-managed key, or null."
  type        = string
}

variable "labels" {
  description = "Labels of everything here."
  type        = map(string)
}
