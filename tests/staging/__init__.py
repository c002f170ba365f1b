"""Attacks that are put on the chain some blocks before they are run, and honest contracts to hold against them."""
