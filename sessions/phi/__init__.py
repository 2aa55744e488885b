"""The PHI firewall: identifiers become surrogates before any stage that does not need them.

This is PHI minimisation: it lowers what each stage learns. It is not a promise that nobody can be
recognised, and business associate agreements stay necessary.
"""

from sessions.phi.engine import PHIEngine, Span
from sessions.phi.firewall import PHIFirewall, Redaction
from sessions.phi.ner import EntityTagger, PresidioTagger
from sessions.phi.restore import Restorer
from sessions.phi.vault import UnknownSurrogate, Vault, VaultExpired

__all__ = [
    "EntityTagger",
    "PHIEngine",
    "PHIFirewall",
    "PresidioTagger",
    "Redaction",
    "Restorer",
    "Span",
    "UnknownSurrogate",
    "Vault",
    "VaultExpired",
]
