"""Migrations of the email plugin."""
