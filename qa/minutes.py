"""The minutes of a recorded meeting, made again from its tape.

    python -m qa.minutes TAPE [--as markdown|json|calendar]

No model is asked: what it proposed is on the tape, and is verified anew.
"""

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path

from processors.meeting.export import to_calendar, to_markdown, written
from processors.meeting.minutes import from_tape
from sessions.tape import TapeError, key_from_env, read_tape


def main() -> int:
    """Print them; returns 1 if there are none."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("tape", type=Path)
    parser.add_argument("--as", dest="form", choices=["markdown", "json", "calendar"])
    args = parser.parse_args()
    try:
        tape = read_tape(args.tape, key_from_env())
        minutes = from_tape(tape)
    except (TapeError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    if minutes is None:
        print("No minutes were taken in this call. Ask the bot for them.", file=sys.stderr)
        return 1
    if args.form == "json":
        print(written(minutes))
    elif args.form == "calendar":
        made_at = datetime.fromtimestamp(tape.header.started_at // 10**9, UTC)
        print(to_calendar(minutes, session=tape.header.session_id, made_at=made_at), end="")
    else:
        print(to_markdown(minutes))
    return 0


if __name__ == "__main__":
    sys.exit(main())
