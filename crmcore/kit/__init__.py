"""Small pure helpers. Knows nothing of crmcore."""
