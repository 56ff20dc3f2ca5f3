"""The command ``quantlab``: the course without a browser, and the way into it with one."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from . import __version__

if TYPE_CHECKING:
    from rich.console import Console


_RECIPES = ["course", "fast"]  # training.RECIPES, without importing torch for --help


class _Commands(click.Group):
    """A group whose users never see a traceback for what they asked or what their disk said."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (ValueError, OSError, ModuleNotFoundError) as error:
            if isinstance(error, BrokenPipeError):
                raise
            raise click.ClickException(str(error)) from error


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="quantlab")
def main() -> None:
    """Weight quantization: train on MNIST, quantize, measure, store.

    \b
    Begin with one of:
      quantlab lab      the notebooks in JupyterLab
      quantlab tour     the whole lab in this terminal
      quantlab doctor   is everything installed?
    """


@main.command()
@click.argument("folder", default="my-notebooks", type=click.Path(path_type=Path))
@click.option(
    "--browser/--no-browser", default=True, help="Open a browser on it, or only serve it."
)
@click.option("--port", type=click.IntRange(1, 65535), help="Default: the first free from 8888.")
@click.option("--copy-only", is_flag=True, help="Copy the notebooks and stop.")
def lab(folder: Path, browser: bool, port: int | None, copy_only: bool) -> None:
    """Copy the notebooks into FOLDER (default: my-notebooks) and open JupyterLab on them.

    A notebook you have changed is never overwritten.

    \b
    Example:
      quantlab lab my-notebooks --no-browser --port 8890
    """
    from .workspace import copy_notebooks, open_jupyterlab

    for name, outcome in copy_notebooks(folder):
        if outcome == "kept":
            click.echo(
                f"{name}: kept as you changed it; for the course's copy, rename yours and run again"
            )
        elif outcome != "unchanged":
            click.echo(f"{name}: {outcome}")
    if copy_only:
        click.echo(f"The notebooks are in {folder}.")
        return
    sys.exit(open_jupyterlab(folder, port=port, browser=browser))


@main.command()
@click.option(
    "--train", "train_first", is_flag=True, help="Train the baseline instead of loading it."
)
@click.option(
    "--recipe",
    type=click.Choice(_RECIPES),
    default="fast",
    show_default=True,
    help="With --train: the course lab's settings, or one epoch with one cycle.",
)
@click.option("--epochs", type=click.IntRange(1), help="With --train; default: the recipe's.")
@click.option(
    "--retrain-epochs",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Epochs of retraining; the course lab takes 5.",
)
@click.option(
    "--seeds",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Repeat the random parts; shows mean and standard deviation.",
)
@click.option("--device", help="cpu, cuda or mps; default: the best there is.")
@click.option(
    "--report",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("build/tour"),
    show_default=True,
    help="Folder for index.html and the figures.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the numbers for a machine.")
def tour(
    train_first: bool,
    recipe: str,
    epochs: int | None,
    retrain_epochs: int,
    seeds: int,
    device: str | None,
    report: Path,
    as_json: bool,
) -> None:
    """Walk the whole lab in the terminal, and write a report with its figures.

    \b
    Examples:
      quantlab tour
      quantlab tour --train
      quantlab tour --seeds 5 --json > tour.json
    """
    from .report import step_table, tensor_table, write_report
    from .tour import run_tour

    def say(text: str) -> None:
        click.echo(f"· {text}", err=True)

    result = run_tour(
        train_first=train_first,
        recipe=recipe,
        seeds=seeds,
        epochs=epochs,
        retrain_epochs=retrain_epochs,
        device=device,
        say=say,
    )
    page = write_report(result, report)
    if as_json:
        click.echo(json.dumps(result.as_json(), indent=1, allow_nan=False))
        return
    console = _console()
    console.print(tensor_table(result))
    console.print(step_table(result))
    click.echo(f"{result.seconds:.0f} s. The figures are in {page}")


@main.command()
@click.option(
    "--recipe",
    type=click.Choice(_RECIPES),
    default="course",
    show_default=True,
    help="The course lab's settings, or one epoch with one cycle.",
)
@click.option("--epochs", type=click.IntRange(1), help="Default: the recipe's.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--device", help="cpu, cuda or mps; default: the best there is.")
@click.option(
    "--save",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The safetensors file to write; the settings go into its metadata.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the numbers for a machine.")
def train(
    recipe: str,
    epochs: int | None,
    seed: int,
    device: str | None,
    save: Path | None,
    as_json: bool,
) -> None:
    """Train the network on MNIST with an L1 penalty, test it, and save it.

    Ctrl-C ends the training early; the network is tested and saved as it is then, and the exit
    status is 1.

    \b
    Example:
      quantlab train --recipe fast --save net.safetensors
    """
    from .checkpoints import save_net
    from .training import evaluate
    from .training import train as train_net

    if save is not None:
        _check_writable(save)
    result = train_net(recipe=recipe, epochs=epochs, seed=seed, device=device)
    metadata = {
        **result.settings,
        "interrupted": result.interrupted,
        "training_accuracy": [round(epoch.accuracy, 4) for epoch in result.history],
        "test_accuracy": evaluate(result.net).accuracy,
    }
    if save is not None:
        save_net(result.net, save, metadata=metadata)
    if as_json:
        history = [epoch._asdict() for epoch in result.history]
        click.echo(json.dumps(metadata | {"history": history}, indent=1))
    else:
        for epoch in result.history:
            click.echo(
                f"epoch {epoch.epoch}: loss {epoch.loss:.4f}, "
                f"training accuracy {epoch.accuracy:.2%}, {epoch.seconds:.1f} s"
            )
        click.echo(f"test accuracy {metadata['test_accuracy']:.2%}")
        if save is not None:
            click.echo(f"saved in {save}")
    if result.interrupted:
        sys.exit(1)


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print the findings for a machine.")
def doctor(as_json: bool) -> None:
    """Check the installation: libraries, device, data, baseline, notebooks.

    Exit status 1 if something has to be mended.

    \b
    Example:
      quantlab doctor
    """
    from .doctor import examine

    findings = examine()
    if as_json:
        click.echo(json.dumps([finding._asdict() for finding in findings], indent=1))
    else:
        for finding in findings:
            click.echo(f"{finding.status:5}{finding.subject:18}{finding.detail}")
            if finding.mend:
                click.echo(f"     {'':18}to mend it: {finding.mend}")
    if any(finding.status == "fail" for finding in findings):
        sys.exit(1)


@main.command()
@click.argument("lessons", nargs=-1, metavar="[LESSON]...")
@click.option(
    "--check",
    "check_only",
    is_flag=True,
    help="Write nothing; exit status 1 if a notebook is not what its source gives.",
)
@click.option(
    "--course",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("."),
    help="The course's folder; default: this one.",
)
def build(lessons: tuple[str, ...], check_only: bool, course: Path) -> None:
    """Build the notebooks of all lessons, or of each LESSON, from instructor/sources.

    Writes notebooks/ for learners, without solutions, and build/course/ for nbgrader.

    \b
    Examples:
      quantlab build
      quantlab build 02
      quantlab build --check
    """
    from .workspace import install_command

    for library in ("jupytext", "nbgrader"):
        if importlib.util.find_spec(library) is None:
            raise ModuleNotFoundError(
                f"Building needs {library}; run: {install_command('grading')}"
            )
    from .grading.build import build_course, stale, write_course

    built = build_course(course, lessons)
    faults = stale(built, course)
    if check_only:
        for fault in faults:
            click.echo(fault, err=True)
        sys.exit(1 if faults else 0)
    for path in write_course(built, course):
        click.echo(f"{path.relative_to(course)}: written")
    for name in built.orphans:
        click.echo(f"notebooks/{name}.ipynb has no source; delete it if it is not needed", err=True)


def _check_writable(path: Path) -> None:
    """Refuse a file that could not be written, before minutes are spent on its content."""
    folder = path.absolute().parent
    if not folder.is_dir():
        raise OSError(f"There is no folder {str(folder)!r} to save in; make it first.")
    if not os.access(folder, os.W_OK):
        raise OSError(f"The folder {str(folder)!r} cannot be written to; choose another.")


def _console() -> Console:
    """Return a console that does not fold tables where nobody sets a width."""
    from rich.console import Console

    console = Console()
    return console if console.is_terminal else Console(width=120)
