"""`python -m chainwatch` is the `chainwatch` command."""

from chainwatch.cli.main import run

run()
