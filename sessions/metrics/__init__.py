"""The eight metrics of :mod:`sessions.slo`, measured in every session and told to whoever asks."""

from sessions.metrics.figures import Figures
from sessions.metrics.meter import Meter

__all__ = ["Figures", "Meter"]
