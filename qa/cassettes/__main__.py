"""Cassettes: record those of a folder anew, or make one from any tape.

``python -m qa.cassettes record DIR [NAME…]`` and ``python -m qa.cassettes make TAPE NAME [DIR]``.
"""

import argparse
import os
import sys
from pathlib import Path

SCENARIOS = "scenarios.yaml"


def main() -> int:
    """Record and list."""
    parser = argparse.ArgumentParser(
        prog="python -m qa.cassettes", description=(__doc__ or "").splitlines()[0]
    )
    commands = parser.add_subparsers(dest="command", required=True)
    record = commands.add_parser("record", help=f"rehearse the calls of DIR/{SCENARIOS}")
    record.add_argument("directory", type=Path)
    record.add_argument("names", nargs="*", help="only these")
    made = commands.add_parser("make", help="rehearse a tape's call with invented identifiers")
    made.add_argument("tape", type=Path)
    made.add_argument("name", help="of the cassette")
    made.add_argument("directory", type=Path, nargs="?", default=Path("tests/cassettes"))
    args = parser.parse_args()

    os.environ.setdefault("PIPECAT_LOG_LLM_CONTEXT", "off")
    from loguru import logger

    logger.remove()
    logger.add(sys.stderr, level="ERROR")
    if args.command == "make":
        return _make(args)
    from qa.cassettes.record import load_scenarios
    from qa.cassettes.record import record as rehearse

    for scenario in load_scenarios(args.directory / SCENARIOS):
        if not args.names or scenario.name in args.names:
            tape = rehearse(scenario, args.directory)
            print(f"{tape}  {tape.stat().st_size / 1e6:.1f} MB")
    return 0


def _make(args: argparse.Namespace) -> int:
    from qa.cassettes.make import MakeError, make
    from qa.replay.tapes import open_tape
    from sessions.tape import TapeError

    try:
        cassette = make(open_tape(args.tape), args.name, args.directory)
    except (FileNotFoundError, MakeError, TapeError, TimeoutError) as error:
        print(error or "The rehearsed bot did not do what this call waits for.", file=sys.stderr)
        return 1
    print(f"{cassette}  {cassette.stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
