"""`python -m urfb_tf`: run experiments from the command line."""

import io
import os
import sys


def main(arguments: list[str] | None = None) -> int:
    """Run one command.

    Returns:
        The exit status: 0; 1 for a mistake, told in one sentence; 130 after Ctrl-C; 141 if nobody reads on, as after
        `| head`.
    """
    from urfb_tf.cli import parse
    from urfb_tf.errors import UrfbError

    options = parse(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # "?" for what the terminal's encoding lacks
    try:
        status = options.command(options)
        sys.stdout.flush()
        return status
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left would fail again at the end
        return 141
    except UrfbError as error:
        print(f"urfb_tf: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt as stop:
        print(f"\nurfb_tf: {stop or 'Stopped.'}", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
