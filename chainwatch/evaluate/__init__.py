"""Measuring detectors against labels. Nothing here runs in a bot."""
