"""`python -m rarecase` is the command line."""

from rarecase.cli.main import main

if __name__ == "__main__":
    raise SystemExit(main())
