# What keeps a deployment from being destroyed by mistake.

# Almost every resource would be made again under another name or in another
# place: first destroyed, with what waits in the queue, the secrets and the
# buckets. So the first apply settles it.
resource "terraform_data" "placement" {
  input = {
    project_id = var.project_id
    region     = var.region
    name       = var.name
    key_name   = local.kms_key_name
  }

  lifecycle {
    ignore_changes = [input]

    postcondition {
      condition     = self.output.project_id == var.project_id && self.output.region == var.region && self.output.name == var.name
      error_message = "This state has the deployment ${self.output.name} in ${self.output.project_id}, ${self.output.region}, and a deployment cannot become ${var.name} in ${var.project_id}, ${var.region}: all of it would be destroyed first, messages and secrets included. Set name, project_id and region back. For a second deployment use another state, with another name if it is in the same project; to move, deploy the second one, then stop and destroy the first (docs/deploy.md, \"Moving to another region\")."
    }
    postcondition {
      condition     = self.output.key_name == local.kms_key_name
      error_message = "This deployment was made with ${self.output.key_name == null ? "no key of yours" : self.output.key_name}, and cannot change to ${local.kms_key_name == null ? "none" : local.kms_key_name}: secrets, tables and images would be destroyed first. Set cmek back. A new version of the same key needs no change here; for another key deploy a second receiver under another name and in another state, then stop and destroy this one (docs/deploy.md, \"Moving to another region\")."
    }
  }
}

# Another location would be another bucket, after this one and its copies.
resource "terraform_data" "archive" {
  count = module.options.archive.bucket == null ? 1 : 0

  input = coalesce(module.options.archive.location, var.region)

  lifecycle {
    ignore_changes = [input]

    postcondition {
      condition     = lower(self.output) == lower(coalesce(module.options.archive.location, var.region))
      error_message = "The archive is in ${self.output} and cannot move to ${coalesce(module.options.archive.location, var.region)}: it would be destroyed first, with copies of what Gemini has deleted. Set archive.location back, or make a bucket there and name it in archive.bucket (docs/deploy.md, \"The archive\")."
    }
  }
}

# Refuses "terraform destroy" as a whole, while it is planned. Secrets, buckets
# and tables refuse by themselves too.
resource "gemini_deletion_guard" "this" {
  enabled = var.deletion_protection
  remedy  = "To destroy ${var.name} in ${var.project_id} with its secrets, state, results and tables: \"make destroy\", or set deletion_protection = false, apply, and destroy."
}
