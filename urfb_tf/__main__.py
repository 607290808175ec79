"""`python -m urfb_tf`: run experiments from the command line."""

import sys


def main(arguments: list[str] | None = None) -> int:
    """Run one command; the exit status is 0, 1 for a mistake told in one sentence, or 130 after Ctrl-C."""
    from urfb_tf.cli import parse
    from urfb_tf.errors import UrfbError

    options = parse(arguments)
    try:
        return options.command(options)
    except UrfbError as error:
        print(f"urfb_tf: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt as stop:
        print(f"\nurfb_tf: {stop or 'Stopped.'}", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
