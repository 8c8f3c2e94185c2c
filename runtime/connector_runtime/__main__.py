"""``python -m connector_runtime`` is the command ``connector``."""

from .cli import main

main(prog_name="connector")
