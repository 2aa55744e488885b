"""``python -m services.rehearsal``: run the doubles until stdin closes.

Run by its path (``python services/rehearsal``) it leaves out the cast, and Pipecat with it: a process
that needs neither starts in a fraction of the time and memory.
"""

import sys
from pathlib import Path
from types import ModuleType

if not __package__:
    root = Path(__file__).parents[2]
    sys.path[0] = str(root)
    sys.modules["services"] = ModuleType("services")
    sys.modules["services"].__path__ = [str(root / "services")]

from services.rehearsal.server import main

main()
