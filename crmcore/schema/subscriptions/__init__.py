"""Subscriptions: an operation that goes on (following.py), what it follows (record_changed.py), and what its caller may
know of it (telling.py)."""
