"""Telling people: channels maintained by apprise, behind a bounded queue."""
