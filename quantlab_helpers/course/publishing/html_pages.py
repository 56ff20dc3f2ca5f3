"""Execute notebooks and convert them to HTML pages that need no kernel and no network.

While a notebook runs for a page, explorers show their static version and figures get an alt text.
nbconvert makes the HTML, with MathJax and reveal.js from a folder beside the page. `slides.py` and
`gallery.py` build on this module.
"""

from __future__ import annotations

import copy
import os
import re
import shutil
import tempfile
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbclient
import nbformat
from bs4 import BeautifulSoup
from nbconvert import HTMLExporter, SlidesExporter
from nbformat import NotebookNode

from ...explorers.widget import STATIC

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TEMPLATES = Path(str(files("quantlab_helpers"))) / "assets" / "nbconvert"
NPM = Path("build/npm/node_modules")  # where `make slides` has npm put the libraries
MATHJAX = "assets/mathjax/MathJax.js?config=TeX-AMS_CHTML-full"

# From node_modules to the assets of a page: only what MathJax loads for TeX on a screen.
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
_PREAMBLE = f"from {__name__} import set_up_static_outputs\nset_up_static_outputs(get_ipython())"
# Of another machine: "//" and a name with a dot, with or without a scheme.
_ADDRESS = re.compile(r"""(?<![\w.])(?:https?:)?//[\w-]+\.[^\s"'<>)\\]+""")
_CSS_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_NAMESPACE = re.compile(r"https?://www\.w3\.org/(?:\d{4}|TR)/")


def run_for_page(
    notebook: NotebookNode,
    *,
    allow_errors: bool = False,
    say: Callable[[str], None] = lambda text: None,
) -> NotebookNode:
    """Execute a notebook in an empty folder and return it with outputs for a static page.

    Parameters
    ----------
    notebook : NotebookNode
        Not changed.
    allow_errors : bool, default=False
        Continue after a cell that raises, as unanswered exercises do.
    say : callable, optional
        Called with the progress, such as "cell 3 of 20".

    Returns
    -------
    NotebookNode
        With static explorers, figures with alt text, and no state of widgets.

    Raises
    ------
    ValueError
        If a cell fails.

    Examples
    --------
    >>> cells = [nbformat.v4.new_code_cell("6 * 7")]
    >>> notebook = nbformat.v4.new_notebook(cells=cells)
    >>> run_for_page(notebook).cells[0].outputs[0].data  # doctest: +SKIP
    {'text/plain': '42'}
    """
    notebook = copy.deepcopy(notebook)
    notebook.cells.insert(0, nbformat.v4.new_code_cell(_PREAMBLE))
    total = len(notebook.cells)

    def report(cell: NotebookNode, cell_index: int) -> None:
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
            on_cell_execute=report,
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


def set_up_static_outputs(shell: Any) -> None:
    """Give each figure of this kernel an alt text; called in the kernel by `run_for_page`.

    Parameters
    ----------
    shell : IPython shell
        The kernel's.
    """
    from IPython.core.pylabtools import print_figure
    from matplotlib.figure import Figure

    # Activated here; otherwise the first figure activates it and replaces the formatter below.
    shell.run_line_magic("matplotlib", "inline")

    def png(figure: Figure) -> tuple[Any, dict[str, str]]:
        image = print_figure(figure, bbox_inches="tight")  # type: ignore[no-untyped-call]
        return image, {"alt": alt_text_of(figure)}

    shell.display_formatter.formatters["image/png"].for_type(Figure, png)


def alt_text_of(figure: Figure) -> str:
    """Return an alt text for a figure, from its titles and axis labels.

    Parameters
    ----------
    figure : matplotlib Figure
        Any.

    Returns
    -------
    str
        Each title and label once.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> figure = Figure()
    >>> _ = figure.add_subplot().set(title="Loss", xlabel="epoch", ylabel="loss (nats)")
    >>> alt_text_of(figure)
    'Figure: Loss: loss (nats) against epoch.'
    """
    parts = [figure.get_suptitle()]
    for axes in figure.axes:
        title, x, y = axes.get_title(), axes.get_xlabel(), axes.get_ylabel()
        scales = f"{y} against {x}" if x and y else x or y
        parts.append(": ".join(filter(None, [title, scales])))
    words = "; ".join(dict.fromkeys(" ".join(part.split()) for part in parts if part.strip()))
    return f"Figure: {words}." if words else "Figure without labels; see the text beside it."


def copy_libraries(libraries: str | Path, folder: str | Path, *, reveal: bool = False) -> None:
    """Copy MathJax, and reveal.js for slides, into the ``assets/`` of a folder of pages.

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
        If a library is missing.

    Examples
    --------
    >>> copy_libraries("build/npm/node_modules", "build/slides")  # doctest: +SKIP
    """
    names = _MATHJAX | (_REVEAL if reveal else {})
    pairs = {Path(libraries) / name: Path(folder) / "assets" / to for name, to in names.items()}
    for source in pairs:
        if not source.exists():
            raise FileNotFoundError(
                f"There is no {str(source)!r}; run `make slides`, which fetches it into "
                f"{NPM}, or name its folder with --libraries."
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
    """Return an executed notebook as an HTML page.

    Parameters
    ----------
    notebook : NotebookNode
        From `run_for_page`.
    template : {"quantlab_slides", "quantlab_lesson"}
        A folder of ``assets/nbconvert``.
    title : str
        The title of the page.
    resources : dict, optional
        More variables for the template.

    Returns
    -------
    str
        HTML that loads nothing from outside its folder.

    Raises
    ------
    ValueError
        If it would load something from outside.
    """
    notebook = copy.deepcopy(notebook)
    notebook.metadata["title"] = title
    text, _ = _exporter(template).from_notebook_node(notebook, resources=dict(resources or {}))
    page = str(text)
    outside = outside_addresses(page)
    if outside:
        raise ValueError(
            f"The page {title!r} would load {outside[0]!r}, which is not in its folder; remove "
            "it from the notebook, or write it as a link."
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
    """Return the addresses on other machines that a page may load, in attributes or code.

    Links for the reader, the names of XML formats and addresses in the page's text are not loaded.

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
    addresses: list[str] = []
    for element in BeautifulSoup(page, "html.parser").find_all(True):
        texts = [
            str(value)
            for name, value in element.attrs.items()
            if (element.name, name) != ("a", "href") and not str(value).startswith("data:")
        ]
        if element.name in ("script", "style"):
            texts.append(_CSS_COMMENT.sub("", element.string or ""))
        addresses += (address for text in texts for address in _ADDRESS.findall(text))
    return [address for address in dict.fromkeys(addresses) if not _NAMESPACE.match(address)]


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
