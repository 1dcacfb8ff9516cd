"""Migrations of the loyalty plugin."""
