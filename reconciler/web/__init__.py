"""The daemon's web server: webhooks in, and what others need to watch it."""
