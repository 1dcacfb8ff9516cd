"""Facts about webhook endpoints, beside created, updated, deleted and restored."""

from crmcore.platform.record import Event

PAUSED = Event("webhook_endpoint.paused", "An endpoint was paused, by somebody or because its receiver fails.")
DISABLED = Event("webhook_endpoint.disabled", "An endpoint was disabled; the reason is in the record.")
RESUMED = Event("webhook_endpoint.resumed", "An endpoint is sent to again.")
ROTATED = Event("webhook_endpoint.secret_rotated", "An endpoint has a new secret.")

ENDPOINT_EVENTS = (PAUSED, DISABLED, RESUMED, ROTATED)
