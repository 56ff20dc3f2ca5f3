"""Notebooks as pages that need no kernel and no network.

A notebook is executed with explorers that show their players and figures that say what they are;
nbconvert turns it into HTML, with MathJax and reveal.js from a folder beside the page. Read
`slides.py` and `gallery.py` next.
"""

from __future__ import annotations

import copy
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbclient
import nbformat
from nbconvert import HTMLExporter, SlidesExporter
from nbformat import NotebookNode

from ...explorers.widget import STATIC

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TEMPLATES = Path(str(files("quantlab_helpers"))) / "assets" / "nbconvert"
NPM = Path("build/npm/node_modules")  # where `make slides` has npm put the libraries
MATHJAX = "assets/mathjax/MathJax.js?config=TeX-AMS_CHTML-full"

# From node_modules to the assets of a page: what MathJax fetches for TeX on a screen, no more.
_MATHJAX = {
    f"mathjax/{name}": f"mathjax/{name}"
    for name in (
        "LICENSE",
        "MathJax.js",
        "config/TeX-AMS_CHTML-full.js",
        "extensions/MathEvents.js",
        "extensions/MathMenu.js",
        "extensions/MathZoom.js",
        "extensions/TeX",
        "fonts/HTML-CSS/TeX/woff",
        "jax/element",
        "jax/input/TeX",
        "jax/output/CommonHTML",
    )
}
_REVEAL = {
    f"reveal.js/{name}": f"reveal/{name}"
    for name in (
        "LICENSE",
        "dist/reveal.css",
        "dist/reveal.js",
        "dist/theme/white.css",
        "dist/theme/fonts/source-sans-pro",
        "plugin/notes/notes.js",
    )
}
_PREAMBLE = f"from {__name__} import show_static\nshow_static(get_ipython())"
# What a browser loads by itself, from wherever it is told; a link waits for the reader.
_ADDRESS = re.compile(r"""(?<![\w.])(?:https?:)?//[\w-]+\.[^\s"'<>)\\]+""")
_LINK = re.compile(r"<a\s[^>]*>", re.IGNORECASE)
_DATA = re.compile(r"data:[\w/+.-]+;base64,[\w+/=]*")
_STYLE = re.compile(r"<style.*?</style>", re.DOTALL)
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_NAMESPACE = re.compile(r"https?://www\.w3\.org/(?:\d{4}|TR)/")


def execute(
    notebook: NotebookNode,
    *,
    allow_errors: bool = False,
    say: Callable[[str], None] = lambda text: None,
) -> NotebookNode:
    """Return a notebook with the outputs that a page can keep; it runs in an empty folder.

    Parameters
    ----------
    notebook : NotebookNode
        Left as it is.
    allow_errors : bool, default=False
        Go on after a cell that raises: the exercises of a learner's notebook do.
    say : callable, optional
        Called with the number of the cell that runs, and of all cells.

    Returns
    -------
    NotebookNode
        Explorers as players, figures with alt text, no state of widgets.

    Raises
    ------
    ValueError
        If a cell fails.

    Examples
    --------
    >>> cells = [nbformat.v4.new_code_cell("6 * 7")]
    >>> execute(nbformat.v4.new_notebook(cells=cells)).cells[0].outputs[0].data
    {'text/plain': '42'}
    """
    notebook = copy.deepcopy(notebook)
    notebook.cells.insert(0, nbformat.v4.new_code_cell(_PREAMBLE))
    total = len(notebook.cells)

    def tell(cell: NotebookNode, cell_index: int) -> None:
        say(f"cell {cell_index} of {total - 1}")

    with tempfile.TemporaryDirectory() as folder:
        client = nbclient.NotebookClient(
            notebook,
            timeout=600,
            kernel_name="python3",
            allow_errors=allow_errors,
            store_widget_state=False,
            resources={"metadata": {"path": folder}},
            extra_arguments=["--log-level=ERROR"],
            on_cell_execute=tell,
        )
        try:
            client.execute(env=os.environ | {STATIC: "1"})
        except nbclient.exceptions.CellExecutionError as error:
            raise ValueError(
                f"A cell fails with {error.ename}: {error.evalue}; run the notebook in "
                "JupyterLab to see where."
            ) from None
    del notebook.cells[0]
    notebook.metadata.pop("widgets", None)
    return notebook


def show_static(shell: Any) -> None:
    """Make this kernel say in words what each figure is; called inside it by `execute`.

    Parameters
    ----------
    shell : IPython shell
        The kernel's.
    """
    from IPython.core.pylabtools import print_figure
    from matplotlib.figure import Figure

    # Activated here, or the first figure would do it, and put its own formatter back.
    shell.run_line_magic("matplotlib", "inline")

    def png(figure: Figure) -> tuple[Any, dict[str, str]]:
        image = print_figure(figure, bbox_inches="tight")  # type: ignore[no-untyped-call]
        return image, {"alt": words_of(figure)}

    shell.display_formatter.formatters["image/png"].for_type(Figure, png)


def words_of(figure: Figure) -> str:
    """Return what a figure writes on itself, as an alt text.

    Parameters
    ----------
    figure : matplotlib Figure
        Any.

    Returns
    -------
    str
        Titles and axis labels of its axes, each once.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> figure = Figure()
    >>> _ = figure.add_subplot().set(title="Loss", xlabel="epoch", ylabel="loss (nats)")
    >>> words_of(figure)
    'Figure: Loss: loss (nats) against epoch.'
    """
    parts = [figure.get_suptitle()]
    for axes in figure.axes:
        title, x, y = axes.get_title(), axes.get_xlabel(), axes.get_ylabel()
        scales = f"{y} against {x}" if x and y else x or y
        parts.append(": ".join(filter(None, [title, scales])))
    words = "; ".join(dict.fromkeys(" ".join(part.split()) for part in parts if part.strip()))
    return f"Figure: {words}." if words else "Figure without words; the text beside it says more."


def copy_libraries(libraries: str | Path, folder: str | Path, *, reveal: bool = False) -> None:
    """Copy what pages load into their folder, under ``assets/``.

    Parameters
    ----------
    libraries : str or Path
        The ``node_modules`` that npm made from ``instructor/slides/package-lock.json``.
    folder : str or Path
        The folder of the pages.
    reveal : bool, default=False
        Copy reveal.js as well as MathJax.

    Raises
    ------
    FileNotFoundError
        If a library is not there.

    Examples
    --------
    >>> copy_libraries("build/npm/node_modules", "build/slides")  # doctest: +SKIP
    """
    wanted = _MATHJAX | (_REVEAL if reveal else {})
    pairs = {Path(libraries) / name: Path(folder) / "assets" / to for name, to in wanted.items()}
    for source in pairs:
        if not source.exists():
            raise FileNotFoundError(
                f"There is no {str(source)!r}; `make slides` has npm fetch it into {NPM}, or name "
                "the folder with --libraries."
            )
    for source, target in pairs.items():
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True)
        else:
            shutil.copyfile(source, target)


def render(
    notebook: NotebookNode, template: str, *, title: str, resources: dict[str, Any] | None = None
) -> str:
    """Turn an executed notebook into a page.

    Parameters
    ----------
    notebook : NotebookNode
        From `execute`.
    template : {"quantlab_slides", "quantlab_lesson"}
        A folder of ``assets/nbconvert``.
    title : str
        Of the page.
    resources : dict, optional
        More names for the template.

    Returns
    -------
    str
        HTML that loads nothing from outside its folder.

    Raises
    ------
    ValueError
        If it would load something.
    """
    notebook = copy.deepcopy(notebook)
    notebook.metadata["title"] = title
    text, _ = _exporter(template).from_notebook_node(notebook, resources=dict(resources or {}))
    # JupyterLab's style sheets thank their sources in comments.
    page = _STYLE.sub(lambda style: _COMMENT.sub("", style[0]), str(text))
    outside = outside_addresses(page)
    if outside:
        raise ValueError(
            f"The page {title!r} would load {outside[0]!r}, which is not in its folder; take it "
            "out of the notebook, or write it as a link."
        )
    return page


def title_of(notebook: NotebookNode) -> str:
    """Return the first heading of a notebook.

    Parameters
    ----------
    notebook : NotebookNode
        Any.

    Returns
    -------
    str
        Without its ``#``; "Untitled" where there is none.

    Examples
    --------
    >>> title_of(nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# Bits")]))
    'Bits'
    """
    for cell in notebook.cells:
        for line in cell.source.splitlines() if cell.cell_type == "markdown" else []:
            if line.startswith("# "):
                return str(line.removeprefix("# "))
    return "Untitled"


def outside_addresses(page: str) -> list[str]:
    """Return the addresses in a page that are neither links for the reader nor names of formats.

    Parameters
    ----------
    page : str
        HTML.

    Returns
    -------
    list of str
        Each once, in order.

    Examples
    --------
    >>> outside_addresses('<a href="https://a.org">a</a><script src="//b.org/c.js"></script>')
    ['//b.org/c.js']
    """
    text = _DATA.sub("", _LINK.sub("", page))
    found: Iterable[str] = _ADDRESS.findall(text)
    return [address for address in dict.fromkeys(found) if not _NAMESPACE.match(address)]


def _exporter(template: str) -> HTMLExporter:
    options: dict[str, Any] = {
        "template_name": template,
        "extra_template_basedirs": [str(TEMPLATES)],
        "mathjax_url": MATHJAX,
        "exclude_input_prompt": True,
        "exclude_output_prompt": True,
    }
    if template == "quantlab_slides":
        reveal = {"reveal_url_prefix": "assets/reveal", "reveal_theme": "quantlab"}
        options |= reveal | {"exclude_input": True}
        return SlidesExporter(**options)  # type: ignore[no-untyped-call]
    return HTMLExporter(**options)  # type: ignore[no-untyped-call]
