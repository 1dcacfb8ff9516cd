"""Migrations of the surveys plugin."""
