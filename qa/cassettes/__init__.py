"""Cassettes: small tapes checked into tests, made by rehearsal calls in virtual time."""
