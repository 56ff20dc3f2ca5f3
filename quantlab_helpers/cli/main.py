"""The command ``quantlab``: the course without a browser, and the way into it with one."""

from __future__ import annotations

import click

from .. import __version__
from . import grading as cli_grading
from . import instructor as cli_instructor
from . import learner as cli_learner
from . import lecturer as cli_lecturer
from .common import Commands


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="quantlab")
def main() -> None:
    """Weight quantization: train on MNIST, quantize, measure, store.

    \b
    Begin with one of:
      quantlab lab      the notebooks in JupyterLab
      quantlab tour     the whole lab in this terminal
      quantlab doctor   is everything installed?
    """


for part in (cli_learner, cli_instructor, cli_grading, cli_lecturer):
    for command in part.COMMANDS:
        main.add_command(command)
