"""Webhooks in the graph: endpoints and deliveries (declared.py), what configures them (mutations.py), and what
is checked before (fitting.py, selecting.py)."""
