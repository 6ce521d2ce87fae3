resource "gemini_deletion_guard" "this" {
  enabled = var.deletion_protection
  remedy  = "To destroy: terraform apply -var=deletion_protection=false, then terraform destroy -var=deletion_protection=false."
}
