"""`python -I -m grace.repair`: a request as JSON on standard input, the answer on its output."""

import sys

from grace.repair import NoPatch, RepairError, RepairWanted, repair, to_json


def main() -> int:
    """Answer one request. Exit code 0 with a patch, 1 with none."""
    try:
        ended = repair(RepairWanted.from_json(sys.stdin.read()))
    except RepairError as wrong:
        ended = NoPatch(str(wrong))
    sys.stdout.write(to_json(ended) + "\n")
    return isinstance(ended, NoPatch)


if __name__ == "__main__":
    sys.exit(main())
