"""The command line."""


def main() -> None:
    """Run the `benchkit` command."""
