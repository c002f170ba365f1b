"""Scripted exercises on a chain of one's own: the world to protect, those who attack it and those who do not."""
