"""`python -m benchkit` is the `benchkit` command."""

from benchkit.cli import main

if __name__ == "__main__":
    main()
