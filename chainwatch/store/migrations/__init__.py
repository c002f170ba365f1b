"""Alembic's migrations; part of the package, so that an installed chainwatch can migrate its store."""
