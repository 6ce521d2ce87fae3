# Members that there are not, and locations that do not go together, as wrong
# inputs in validations.tftest.hcl.

variables {
  project_id     = "acme-prod"
  region         = "europe-west1"
  api_key_secret = "projects/acme-prod/secrets/gemini-api-key"
}

run "a_misspelt_member_is_refused" {
  command = plan
  module {
    source = "./tests/inputs"
  }
  variables {
    given = { public_door = ["memory_mib", "memory"] }
  }
  expect_failures = [var.given]
}

run "a_misspelt_member_of_a_bucket_is_refused" {
  command = plan
  module {
    source = "./tests/inputs"
  }
  variables {
    results = { buckets = [{ name = "acme-batches" }] }
    given   = { "results.buckets" = ["name", "prefx"] }
  }
  expect_failures = [var.given]
}

run "members_that_there_are_are_not_refused" {
  command = plan
  module {
    source = "./tests/inputs"
  }
  variables {
    results = { buckets = [{ name = "acme-batches" }] }
    given   = { public_door = ["memory_mib", "cpu"], "results.buckets" = ["name", "prefix"], bigquery = [] }
  }
}

run "a_dataset_in_a_multi_region_takes_no_regional_key" {
  command = plan
  module {
    source = "./tests/inputs"
  }
  variables {
    cmek     = { key_name = "projects/keys/locations/europe-west1/keyRings/r/cryptoKeys/k" }
    bigquery = { location = "EU" }
  }
  expect_failures = [var.bigquery]
}

run "a_dataset_in_the_region_takes_its_key" {
  command = plan
  module {
    source = "./tests/inputs"
  }
  variables {
    cmek     = { key_name = "projects/keys/locations/europe-west1/keyRings/r/cryptoKeys/k" }
    bigquery = {}
  }
}

run "a_continent_is_not_a_location_of_a_dataset" {
  command = plan
  module {
    source = "./tests/inputs"
  }
  variables {
    bigquery = { location = "europe" }
  }
  expect_failures = [var.bigquery]
}

run "a_dataset_may_be_in_a_multi_region_without_a_key" {
  command = plan
  module {
    source = "./tests/inputs"
  }
  variables {
    bigquery = { location = "EU" }
  }
}

run "a_workflow_of_another_project_cannot_be_started" {
  command = plan
  module {
    source = "./tests/inputs"
  }
  variables {
    workflows = { workflow_id = "projects/acme-other/locations/europe-west1/workflows/done" }
  }
  expect_failures = [var.workflows]
}

run "a_workflow_is_in_a_region" {
  command = plan
  module {
    source = "./tests/inputs"
  }
  variables {
    workflows = { workflow_id = "projects/acme-prod/locations/europe-west1-b/workflows/done" }
  }
  expect_failures = [var.workflows]
}

run "a_worker_pool_is_in_the_region_of_the_functions" {
  command = plan
  module {
    source = "./tests/inputs"
  }
  variables {
    build = { worker_pool = "projects/acme-prod/locations/us-central1/workerPools/private" }
  }
  expect_failures = [var.build]
}

run "the_bucket_of_sources_is_the_regions" {
  command = plan
  module {
    source = "./tests/inputs"
  }
  variables {
    build = { sources_bucket = "gcf-v2-sources-1234-europe-west10" }
  }
  expect_failures = [var.build]
}
