# The grants on the key are made by modules/key_grants, once for all receivers.
# Up to v0.1 each receiver made them; they are left as they are.
removed {
  from = google_kms_crypto_key_iam_member.agents

  lifecycle {
    destroy = false
  }
}
