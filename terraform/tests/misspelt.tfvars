# A member that there is not in every option, for scripts/terraform-test.

webhook          = { pth = "/x" }
dynamic          = { enable = false }
rotation         = { period = "2592000s", rule = "x" }
reconcile        = { shedule = "0 * * * *" }
public_door      = { memory = 512 }
private_door     = { memory_mb = 512 }
public_access    = { invoker = [] }
receiver         = { loglevel = "debug" }
results          = { bucket = "x", buckets = [{ name = "acme-batches" }, { name = "acme-shared", prefx = "a/" }] }
archive          = { retention = 90 }
state            = { retention = 90 }
topics           = { queue_retention = 3 }
service_accounts = { publik = null }
network          = { connectr = null }
cmek             = { key_name = "projects/acme-keys/locations/europe-west1/keyRings/ring/cryptoKeys/key", keyname = "x" }
bigquery         = { dataset = "x" }
workflows        = { workflow_id = "projects/acme-prod/locations/europe-west1/workflows/done", workflow = "x" }
alerts           = { channels = [], thresholds = { dead_leters = 1 } }
build            = { comit = "x" }
