"""The command ``quantlab``, with the commands of all audiences."""

from __future__ import annotations

import click

from .. import __version__
from . import grading, instructor, learner, lecturer
from .common import CommandGroup


@click.group(cls=CommandGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="quantlab")
def main() -> None:
    """Weight quantization: train on MNIST, quantize, measure, store.

    \b
    Begin with one of:
      quantlab lab      open the notebooks in JupyterLab
      quantlab tour     run the whole lab in this terminal
      quantlab doctor   check the installation
    """


for module in (learner, instructor, grading, lecturer):
    for command in module.COMMANDS:
        main.add_command(command)
