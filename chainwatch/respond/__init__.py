"""Acting: playbooks, adapters, Proof, signer, outbox, sender, readiness. Automation may only reduce risk."""
