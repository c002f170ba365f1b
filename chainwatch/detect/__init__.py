"""Detectors: pure functions from what happened to Findings. One file a family, each with a page in docs/detectors."""
