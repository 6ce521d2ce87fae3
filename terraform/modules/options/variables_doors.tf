variable "public_door" {
  description = "See the module's own variable."
  type = object({
    memory_mib      = optional(number, 256)
    cpu             = optional(number, 1)
    concurrency     = optional(number, 80)
    min_instances   = optional(number, 0)
    max_instances   = optional(number, 20)
    timeout_seconds = optional(number, 15)
  })
  default  = {}
  nullable = false
  validation {
    condition     = var.public_door.memory_mib >= 256 && var.public_door.memory_mib <= 32768
    error_message = "public_door.memory_mib must be from 256 to 32768: the door holds up to 32 MiB of bodies beside the program's 50."
  }
  validation {
    condition     = var.public_door.concurrency >= 1 && var.public_door.concurrency <= 1000 && (var.public_door.cpu >= 1 || var.public_door.concurrency == 1)
    error_message = "public_door.concurrency must be from 1 to 1000, and 1 where cpu is below 1: Cloud Run serves one request at a time on less than a whole CPU. Set cpu = 1."
  }
  validation {
    condition     = var.public_door.min_instances >= 0 && var.public_door.max_instances >= 1 && var.public_door.max_instances >= var.public_door.min_instances
    error_message = "public_door.max_instances must be 1 or more, and not below min_instances."
  }
  validation {
    condition     = var.public_door.timeout_seconds >= 10 && var.public_door.timeout_seconds <= 60
    error_message = "public_door.timeout_seconds must be from 10 to 60: an answer takes up to 9 s when Secret Manager and Pub/Sub are slow, and Gemini does not wait for a minute."
  }
}

variable "private_door" {
  description = "See the module's own variable."
  type = object({
    memory_mib      = optional(number, 1024)
    cpu             = optional(number, 1)
    concurrency     = optional(number, 4)
    min_instances   = optional(number, 0)
    max_instances   = optional(number, 10)
    timeout_seconds = optional(number, 600)
  })
  default  = {}
  nullable = false
  validation {
    condition     = var.private_door.memory_mib >= 512 && var.private_door.memory_mib <= 32768
    error_message = "private_door.memory_mib must be from 512 to 32768: 256 are for the program, its ranges and what is on the way to Pub/Sub, the rest for long lines."
  }
  validation {
    # README.md "Instance settings"; internal/e2e/pressure_memory_test.go holds the receiver to it.
    condition     = var.private_door.memory_mib >= 256 + 8 * ceil(coalesce(var.receiver.max_line_bytes, 16777216) / 1048576) + (var.single_service ? 128 : 0)
    error_message = "private_door.memory_mib must be at least 256 and eight times receiver.max_line_bytes in MiB, and 128 more with single_service: each of four ranges may have such a line, and its text. Raise memory_mib, or lower max_line_bytes."
  }
  validation {
    condition     = var.private_door.concurrency >= 1 && var.private_door.concurrency <= 4 && var.private_door.cpu >= 1
    error_message = "private_door.concurrency must be from 1 to 4, and cpu 1 or more: a range keeps a CPU busy, so raise max_instances instead."
  }
  validation {
    condition     = var.private_door.min_instances >= 0 && var.private_door.max_instances >= 1 && var.private_door.max_instances >= var.private_door.min_instances
    error_message = "private_door.max_instances must be 1 or more, and not below min_instances."
  }
  validation {
    # Above, Pub/Sub delivers a message again while it is still worked on.
    condition     = var.private_door.timeout_seconds >= 540 && var.private_door.timeout_seconds <= 600
    error_message = "private_door.timeout_seconds must be from 540 to 600: 600 s is Pub/Sub's longest acknowledgement deadline, and below 540 s work is handed on more often than needed. Leave it out."
  }
}

variable "public_access" {
  description = "See the module's own variable."
  type = object({
    invokers = optional(set(string), ["allUsers"])
    ingress  = optional(string, "ALLOW_ALL")
  })
  default  = {}
  nullable = false
  validation {
    condition     = alltrue([for m in var.public_access.invokers : m == "allUsers" || can(regex("^(serviceAccount|user|group|domain|principal|principalSet):.+$", m))])
    error_message = "public_access.invokers must be allUsers or IAM members such as serviceAccount:proxy@PROJECT.iam.gserviceaccount.com; allAuthenticatedUsers lets in every Google account and still keeps Gemini out."
  }
  validation {
    condition     = contains(["ALLOW_ALL", "ALLOW_INTERNAL_AND_GCLB"], var.public_access.ingress)
    error_message = "public_access.ingress must be ALLOW_ALL, or ALLOW_INTERNAL_AND_GCLB behind a load balancer: with ALLOW_INTERNAL_ONLY Gemini reaches nothing."
  }
}
