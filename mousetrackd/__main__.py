"""``python -m mousetrackd`` is ``mousetrackd``."""

from mousetrackd.cli.main import main

if __name__ == "__main__":
    main()
