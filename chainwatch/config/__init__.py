"""chainwatch.toml, profiles and playbooks: models, loading, JSON Schema. Unknown keys are errors."""
