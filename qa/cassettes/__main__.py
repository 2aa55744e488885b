"""``python -m qa.cassettes record DIR [NAME…]``: record the cassettes of a folder anew."""

import argparse
import os
import sys
from pathlib import Path

SCENARIOS = "scenarios.yaml"


def main() -> int:
    """Record and list."""
    parser = argparse.ArgumentParser(prog="python -m qa.cassettes", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    record = commands.add_parser("record", help=f"rehearse the calls of DIR/{SCENARIOS}")
    record.add_argument("directory", type=Path)
    record.add_argument("names", nargs="*", help="only these")
    args = parser.parse_args()

    os.environ.setdefault("PIPECAT_LOG_LLM_CONTEXT", "off")
    from loguru import logger

    logger.remove()
    logger.add(sys.stderr, level="ERROR")
    from qa.cassettes.record import load_scenarios
    from qa.cassettes.record import record as rehearse

    for scenario in load_scenarios(args.directory / SCENARIOS):
        if not args.names or scenario.name in args.names:
            tape = rehearse(scenario, args.directory)
            print(f"{tape}  {tape.stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
