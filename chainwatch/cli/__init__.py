"""The command line: thin commands, one file a command group. They parse, call, print, and own no logic."""
