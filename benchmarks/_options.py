"""The option `--tiny`, which every benchmark has."""

import argparse
from typing import Any


def parse(parser: argparse.ArgumentParser, **tiny: Any) -> argparse.Namespace:
    """Parse the options of a benchmark; `tiny` are the defaults with `--tiny`, for the smallest size.

    That says nothing about speed, but that the benchmark still works: the tests run it.
    """
    parser.add_argument("--tiny", action="store_true", help="the smallest size, within seconds")
    if parser.parse_known_args()[0].tiny:
        parser.set_defaults(**tiny)
    return parser.parse_args()
