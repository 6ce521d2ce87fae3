# The source bundle: what "gcloud … --source=." would upload too, since both
# read source.ignore. The archive provider only leaves out what it is told, so
# the list of what is let in is turned around here.

locals {
  source_dir = coalesce(module.options.build.source_dir, "${path.module}/..")

  # "/*" leaves out everything in the root, "!/x" lets x in again, and what
  # follows is left out below that: "x/" a directory, "/x" from the root.
  ignore_lines = [
    for line in split("\n", try(file("${local.source_dir}/source.ignore"), "")) : trimspace(line)
    if trimspace(line) != "" && !startswith(trimspace(line), "#") && trimspace(line) != "/*"
  ]
  bundle_dirs     = [for l in local.ignore_lines : trim(l, "!/") if startswith(l, "!/") && endswith(l, "/")]
  bundle_files    = flatten([for l in local.ignore_lines : tolist(fileset(local.source_dir, trim(l, "!/"))) if startswith(l, "!/") && !endswith(l, "/")])
  bundle_excludes = [for l in local.ignore_lines : startswith(l, "/") ? trim(l, "/") : "**/${trim(l, "/")}" if !startswith(l, "!")]

  # Names in the root that are not let in. "[^.]": never look into .git.
  root_names = distinct(concat(
    tolist(fileset(local.source_dir, "*")),
    [for f in fileset(local.source_dir, "[^.]*/**") : split("/", f)[0]],
  ))
  root_excludes = [for n in local.root_names : n if !startswith(n, ".") && !contains(local.bundle_dirs, n) && !contains(local.bundle_files, n)]

  # What is in the archive, before there is one: the archive's path holds its
  # hash, so that no two receivers in one root module, and no two plans of
  # different sources, write the same file.
  dirs_left_out = [for l in local.ignore_lines : "${trim(l, "/")}/" if startswith(l, "/")]
  bundle = sort(concat(local.bundle_files, [
    for f in flatten([for d in local.bundle_dirs : [for f in fileset("${local.source_dir}/${d}", "**") : "${d}/${f}"]]) : f
    if !endswith(f, "_test.go") && !strcontains(f, "/testdata/") && !anytrue([for d in local.dirs_left_out : startswith(f, d)])
  ]))
  source_hash = substr(sha256(join("\n", [for f in local.bundle : "${filesha256("${local.source_dir}/${f}")} ${f}"])), 0, 12)

  commit = coalesce(module.options.build.commit, "src-${local.source_hash}")
}

data "archive_file" "source" {
  type             = "zip"
  source_dir       = local.source_dir
  excludes         = concat([".*"], local.root_excludes, local.bundle_excludes)
  output_path      = "${path.root}/.terraform/${var.project_id}-${var.name}-${local.source_hash}.zip"
  output_file_mode = "0644" # the same archive whatever the umask

  lifecycle {
    precondition {
      condition     = contains(local.bundle_files, "function.go") && contains(local.bundle_files, "go.mod") && length(local.bundle_dirs) > 0
      error_message = "build.source_dir is not the receiver's repository: function.go, go.mod and source.ignore must be there."
    }
  }
}

resource "google_storage_bucket" "source" {
  project                     = var.project_id
  name                        = local.source_bucket
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = true # archives alone, made again from the repository
  labels                      = var.labels

  dynamic "encryption" {
    for_each = module.options.cmek[*]
    content {
      default_kms_key_name = encryption.value.key_name
    }
  }

  depends_on = [google_project_service.this]
}

resource "google_storage_bucket_object" "source" {
  # The hash in the name: another source is another object, and a new deployment.
  name   = "source-${data.archive_file.source.output_sha256}.zip"
  bucket = google_storage_bucket.source.name
  source = data.archive_file.source.output_path

  # Not create_before_destroy: the bucket and the grants before it would be too,
  # and a bucket cannot be made twice, nor a grant be taken away after it was made.
  lifecycle {
    replace_triggered_by = [google_storage_bucket.source.id]
  }
}

# A repository of our own for the images, so that the build's right to write is
# on it and not on every repository of the project.
resource "google_artifact_registry_repository" "images" {
  project       = var.project_id
  location      = var.region
  repository_id = var.name
  description   = "Images of the Gemini webhook receiver's functions."
  format        = "DOCKER"
  kms_key_name  = local.kms_key_name # the functions', or Cloud Functions refuses it
  labels        = var.labels

  cleanup_policies {
    id     = "keep-recent"
    action = "KEEP"
    most_recent_versions {
      keep_count = module.options.build.keep_images
    }
  }
  cleanup_policies {
    id     = "delete-old"
    action = "DELETE"
    condition {
      older_than = "2592000s" # 30 days
    }
  }

  depends_on = [google_project_service.this]
}

resource "google_artifact_registry_repository_iam_member" "build_writes" {
  project    = var.project_id
  location   = var.region
  repository = google_artifact_registry_repository.images.repository_id
  role       = "roles/artifactregistry.writer"
  member     = local.accounts.build.member

  lifecycle {
    replace_triggered_by = [google_artifact_registry_repository.images.id, terraform_data.identity["build"].id]
  }
}

# Project-wide, since Cloud Logging has no smaller resource to write to.
resource "google_project_iam_member" "build_logs" {
  project = var.project_id
  role    = "roles/logging.logWriter"
  member  = local.accounts.build.member

  lifecycle {
    replace_triggered_by = [terraform_data.identity["build"].id]
  }
}

# Cloud Functions copies the archive into a bucket of its own and builds from
# there. That bucket comes into being with the region's first function, so the
# grant is on the project, narrowed to it by its condition, until somebody names
# the bucket: gcloud asks everybody who changes a policy that has a condition for
# theirs, and fails where it cannot ask.
resource "google_project_iam_member" "build_reads_source" {
  count = module.options.build.sources_bucket == null ? 1 : 0

  project = var.project_id
  role    = "roles/storage.objectViewer"
  member  = local.accounts.build.member

  condition {
    title      = "${var.name}-sources"
    expression = "resource.name.startsWith(\"projects/_/buckets/gcf-v2-sources-${local.project_number}-${var.region}${local.kms_key_name == null ? "/" : "-"}\")" # a hash of the key follows
  }

  lifecycle {
    replace_triggered_by = [terraform_data.identity["build"].id]
  }
}

resource "google_storage_bucket_iam_member" "build_reads_sources" {
  count = module.options.build.sources_bucket == null ? 0 : 1

  bucket = module.options.build.sources_bucket
  role   = "roles/storage.objectViewer"
  member = local.accounts.build.member

  lifecycle {
    replace_triggered_by = [terraform_data.identity["build"].id]
  }
}

resource "google_storage_bucket_iam_member" "build_reads_bucket" {
  bucket = google_storage_bucket.source.name
  role   = "roles/storage.objectViewer"
  member = local.accounts.build.member

  lifecycle {
    replace_triggered_by = [google_storage_bucket.source.id, terraform_data.identity["build"].id]
  }
}
