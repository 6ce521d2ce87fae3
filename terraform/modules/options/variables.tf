variable "project_id" {
  description = "Project of the receiver."
  type        = string
}

variable "region" {
  description = "Its region."
  type        = string
}

variable "name" {
  description = "What its names begin with."
  type        = string
}

variable "single_service" {
  description = "One function for both doors."
  type        = bool
}
