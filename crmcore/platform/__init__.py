"""What any business application needs: databases, identity, access, events. Knows no CRM."""
