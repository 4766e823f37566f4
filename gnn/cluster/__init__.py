"""Training and scoring by the workers of a Ray cluster; nothing else imports ray."""
