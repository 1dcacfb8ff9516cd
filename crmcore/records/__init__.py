"""The write engine: what every record can do."""
