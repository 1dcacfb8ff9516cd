"""Migrations of the ERP plugin."""
