"""The commands of `python -m urfb_tf`. Modules are imported by the command that needs them."""

from urfb_tf.cli.parser import parse as parse
