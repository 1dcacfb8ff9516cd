"""The business: one folder per area. Knows no GraphQL and no HTTP."""
