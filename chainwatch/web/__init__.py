"""The bot's own HTTP server. It reads the status and changes nothing."""
