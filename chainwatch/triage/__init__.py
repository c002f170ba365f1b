"""Findings fused into Alerts: fingerprint, tier, severity, life cycle."""
