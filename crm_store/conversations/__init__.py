"""What is said, durably: sessions, the inbox, the outbox and the transcripts."""
