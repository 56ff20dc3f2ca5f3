"""The commands for learners: lab, tour, train, compress, submit, doctor."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from .common import RECIPES, check_writable, console, show_progress


@click.command()
@click.argument("folder", default="my-notebooks", type=click.Path(path_type=Path))
@click.option(
    "--browser/--no-browser",
    default=True,
    help="Open a browser (the default), or only start the server.",
)
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    help="Serve on this port; default: the first free one from 8888.",
)
@click.option("--copy-only", is_flag=True, help="Copy the notebooks and stop.")
def lab(folder: Path, browser: bool, port: int | None, copy_only: bool) -> None:
    """Copy the notebooks into FOLDER (default: my-notebooks) and open JupyterLab on them.

    A notebook you have changed is never overwritten.

    \b
    Example:
      quantlab lab my-notebooks --no-browser --port 8890
    """
    from ..course.workspace import copy_notebooks, open_jupyterlab

    for name, outcome in copy_notebooks(folder):
        if outcome == "kept":
            click.echo(
                f"{name}: kept as you changed it; to get the course's copy, rename yours "
                "and run again"
            )
        elif outcome != "unchanged":
            click.echo(f"{name}: {outcome}")
    if copy_only:
        click.echo(f"The notebooks are in {folder}.")
        return
    sys.exit(open_jupyterlab(folder, port=port, browser=browser))


@click.command()
@click.option(
    "--train", "train_first", is_flag=True, help="Train the baseline instead of loading it."
)
@click.option(
    "--recipe",
    type=click.Choice(RECIPES),
    default="fast",
    show_default=True,
    help="Train with the course lab's settings, or for one epoch with one cycle (with --train).",
)
@click.option(
    "--epochs",
    type=click.IntRange(1),
    help="Train for this many epochs; default: the recipe's (with --train).",
)
@click.option(
    "--retrain-epochs",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Retrain for this many epochs; the course lab takes 5.",
)
@click.option(
    "--seeds",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Repeat the random parts this many times; show mean and standard deviation.",
)
@click.option("--device", help="Compute on cpu, cuda or mps; default: a GPU if there is one.")
@click.option(
    "--report",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("build/tour"),
    show_default=True,
    help="Write index.html and the figures into this folder.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the numbers as JSON.")
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
    """Run the whole lab in the terminal, and write a report with its figures.

    \b
    Examples:
      quantlab tour
      quantlab tour --train
      quantlab tour --seeds 5 --json > tour.json
    """
    from .tour import run_tour
    from .tour_report import step_table, tensor_table, write_report

    result = run_tour(
        train_first=train_first,
        recipe=recipe,
        seeds=seeds,
        epochs=epochs,
        retrain_epochs=retrain_epochs,
        device=device,
        say=show_progress,
    )
    page = write_report(result, report)
    if as_json:
        click.echo(json.dumps(result.as_json(), indent=1, allow_nan=False))
        return
    terminal = console()
    terminal.print(tensor_table(result))
    terminal.print(step_table(result))
    click.echo(f"{result.seconds:.0f} s. The figures are in {page}")


@click.command()
@click.option(
    "--recipe",
    type=click.Choice(RECIPES),
    default="course",
    show_default=True,
    help="Train with the course lab's settings, or for one epoch with one cycle.",
)
@click.option(
    "--epochs", type=click.IntRange(1), help="Train for this many epochs; default: the recipe's."
)
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Start the random numbers from this seed.",
)
@click.option("--device", help="Compute on cpu, cuda or mps; default: a GPU if there is one.")
@click.option(
    "--save",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Save the network to this safetensors file, with its settings as metadata.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the numbers as JSON.")
def train(
    recipe: str,
    epochs: int | None,
    seed: int,
    device: str | None,
    save: Path | None,
    as_json: bool,
) -> None:
    """Train the network on MNIST with an L1 penalty, test it, and save it.

    Ctrl-C ends the training early; the network is then tested and saved, and the exit status is 1.

    \b
    Example:
      quantlab train --recipe fast --save net.safetensors
    """
    from ..model import save_net
    from ..training import evaluate
    from ..training import train as train_net

    if save is not None:
        check_writable(save)
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


@click.command()
@click.argument("baseline", metavar="BASELINE")
@click.argument("out", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--train",
    "train_first",
    is_flag=True,
    help="Train a network first (5 one-cycle epochs), and save it as BASELINE.",
)
@click.option(
    "--min-accuracy",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.982,
    show_default=True,
    help="Require this accuracy, on validation images held out of the training images.",
)
@click.option(
    "--max-drop",
    type=click.FloatRange(0, 1),
    help="Allow this drop below the accuracy of BASELINE instead; 0.0015 is 0.15 points.",
)
@click.option(
    "--tolerance",
    type=click.FloatRange(0, min_open=True),
    default=0.01,
    show_default=True,
    help="Let the loss rise by at most this when a tensor is quantized; less gives more centres.",
)
@click.option(
    "--merge", is_flag=True, help="Replace the two dense layers by their product before pruning."
)
@click.option(
    "--pruning/--no-pruning", default=True, help="Prune (the default), or keep every weight."
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Start the random numbers from this seed.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def compress(
    baseline: str,
    out: Path,
    train_first: bool,
    min_accuracy: float,
    max_drop: float | None,
    tolerance: float,
    merge: bool,
    pruning: bool,
    seed: int,
    as_json: bool,
) -> None:
    """Search for the smallest file of BASELINE that keeps an accuracy, and print its ledger.

    BASELINE is a file that quantlab train --save wrote, or the word baseline for the network in
    the package. Validation images, held out of the training images, choose the file; the test set
    only measures it. The search takes a few minutes. Exit status 1 if the accuracy was not
    reached; the most accurate file is written even then.

    \b
    Examples:
      quantlab compress baseline small.safetensors
      quantlab compress baseline small.safetensors --no-pruning --tolerance 0.003
      quantlab compress --train net.safetensors small.safetensors --merge --max-drop 0.001
    """
    from .. import data, training
    from .. import model as checkpoints
    from ..compression.search import compress as compressed
    from ..data import holdout
    from ..storage.file import load_quantized, save_quantized
    from ..storage.ledgers import ledger

    check_writable(out)
    images = data.load_mnist("train")
    if train_first:
        check_writable(Path(baseline))
        kept, _ = holdout(images, seed=seed)
        trained = training.train(recipe="fast", epochs=5, l1_beta=1e-4, seed=seed, data=kept)
        checkpoints.save_net(trained.net, baseline, metadata=trained.settings)
        if trained.interrupted:
            sys.exit(1)
    net = checkpoints.load_baseline() if baseline == "baseline" else checkpoints.load_net(baseline)
    result = compressed(
        net,
        min_accuracy=min_accuracy,
        max_drop=max_drop,
        tolerance=tolerance,
        merge=merge,
        pruning=pruning,
        seed=seed,
        data=images,
    )
    size = save_quantized(result.model, out)
    loaded = load_quantized(out)
    numbers = {
        "file_bytes": size,
        "ratio": ledger(out).ratio,
        "validation_accuracy": result.accuracy,
        "test_accuracy": training.evaluate(loaded.net).accuracy,
        "float_test_accuracy": training.evaluate(net).accuracy,
        "reached": result.reached,
        "interrupted": result.interrupted,
        "trials": [trial._asdict() for trial in result.trials],
    }
    if as_json:
        click.echo(json.dumps(numbers, indent=1))
    else:
        click.echo(str(ledger(out)))
        click.echo(
            f"validation accuracy {result.accuracy:.2%}; test accuracy, read back from {out}: "
            f"{numbers['test_accuracy']:.2%} (float32: {numbers['float_test_accuracy']:.2%})"
        )
        if not result.reached:
            click.echo("The required accuracy was not reached on the validation images.", err=True)
    if result.interrupted or not result.reached:
        sys.exit(1)


@click.command()
@click.argument("notebooks", nargs=-1, required=True, metavar="NOTEBOOK...")
@click.option(
    "--student",
    metavar="ID",
    help="Write your id into the bundle; only needed if no platform records it.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("."),
    help="Write bundle and receipt into this folder; default: the current one.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the receipt as JSON.")
def submit(notebooks: tuple[str, ...], student: str | None, out: Path, as_json: bool) -> None:
    """Bundle each NOTEBOOK, or a folder's answered ones, into one file to hand in.

    Lists the exercises that are not answered yet, and prints a receipt; keep it.

    \b
    Examples:
      quantlab submit my-notebooks/02_uniform_quantization.ipynb
      quantlab submit my-notebooks --student s01
    """
    from ..course.submission import read_submissions, write_bundle

    submissions = read_submissions(notebooks)
    for submission in submissions:
        message = f"{submission.answered} of {len(submission.states)} answered"
        if not submission.states:
            message = "unknown to the installed package, so its answers are not checked"
        click.echo(f"{submission.lesson}: {message}", err=as_json)
        for name, state in submission.states.items():
            if state != "answered":
                message = "not answered" if state == "unanswered" else "its cell is missing"
                click.echo(f"  {name}: {message}", err=as_json)
    receipt = write_bundle(submissions, out, student=student)
    if as_json:
        unanswered = {
            item.lesson: [name for name, state in item.states.items() if state != "answered"]
            for item in submissions
        }
        fields = {"id": receipt.id, **receipt._asdict(), "unanswered": unanswered}
        click.echo(json.dumps({**fields, "file": str(out / receipt.file)}, indent=1))
        return
    click.echo(receipt.as_text(), nl=False)
    click.echo(f"Hand in {out / receipt.file}; the receipt is also in {out / receipt.receipt_file}")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def doctor(as_json: bool) -> None:
    """Check the installation: libraries, device, data, baseline, notebooks.

    Exit status 1 if something must be fixed.

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
            if finding.fix:
                click.echo(f"     {'':18}to fix it: {finding.fix}")
    if any(finding.status == "fail" for finding in findings):
        sys.exit(1)


COMMANDS = (lab, tour, train, compress, submit, doctor)
