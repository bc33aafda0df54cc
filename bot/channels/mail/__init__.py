"""Mail, for one-time codes."""
