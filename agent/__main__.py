"""Entry of `python -m agent`: a unit; with `probe` a test of a link."""

import sys

from agent import main, probe

if __name__ == "__main__":
    if sys.argv[1:2] == ["probe"]:
        probe.leave(probe.main(sys.argv[2:]))
    sys.exit(main.main())
