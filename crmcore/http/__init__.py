"""The door: GraphQL over HTTP, credentials, limits, health and the console."""
