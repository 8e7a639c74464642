"""``python -m glassgrad`` is ``glassgrad``."""

from glassgrad.cli import main

if __name__ == "__main__":
    main()
