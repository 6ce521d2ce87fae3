variable "project_id" {
  description = "Project of the trigger, and of the workflow."
  type        = string
}

variable "region" {
  description = "Region of the trigger."
  type        = string
}

variable "name" {
  description = "What names begin with."
  type        = string
}

variable "topic" {
  description = "Topic whose messages start the workflow, projects/P/topics/T."
  type        = string
}

variable "workflow_id" {
  description = "Workflow to start, projects/P/locations/L/workflows/W."
  type        = string
}

variable "labels" {
  description = "Labels of the trigger."
  type        = map(string)
}
