"""Damages bags whose messages are known, and compares what the check says with the truth.

    .venv/bin/python -m rosbag2.tests.fuzz --cases 6000 --seed 1

Prints each contradiction, and a table: by kind of bag the cases, crashes and contradictions.
"""

import argparse
import sys
from collections import Counter

from rosbag2.tests.fuzz.run import Result, run


def table(results: list[Result]) -> str:
    """Make a table: kinds of bags by what was wrong."""
    columns = sorted({wrong for result in results for wrong in result.wrong})
    counts = Counter((r.bag, wrong) for r in results for wrong in r.wrong)
    cases = Counter(result.bag for result in results)
    lines = [f"{'':20} {'cases':>6} " + " ".join(f"{name:>14}" for name in columns)]
    for bag in [*cases, ""]:
        cells = [
            counts[bag, name] if bag else sum(counts[b, name] for b in cases) for name in columns
        ]
        total = cases[bag] if bag else len(results)
        lines.append(f"{bag or 'all':20} {total:6} " + " ".join(f"{cell:14}" for cell in cells))
    return "\n".join(lines)


def main() -> int:
    """Run the cases; return 1 when there was a contradiction."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=6000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--only", default="", help="kinds of bags that begin so")
    options = parser.parse_args()
    results = []
    for result in run(options.cases, options.seed, options.processes, options.only):
        results.append(result)
        if result.wrong:
            sys.stdout.write(f"{result}\n")
            sys.stdout.flush()
    sys.stdout.write(f"{table(results)}\n")
    return int(any(result.wrong for result in results))


if __name__ == "__main__":
    sys.exit(main())
