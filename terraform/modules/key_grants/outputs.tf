output "key_name" {
  description = "The key, when the agents may use it: give it to the receivers as cmek.key_name."
  value       = var.key_name
  depends_on  = [time_sleep.granted]
}
