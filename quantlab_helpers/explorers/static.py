"""An explorer without a kernel: finished pictures behind a native range input, in one snippet.

The page loads nothing: pictures are data URIs and the script is a few lines. In a viewer that
strips scripts, the first picture and its sentence remain. Nothing here draws or computes weights.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .._support.validation import check_int

_PNG = b"\x89PNG\r\n\x1a\n"
_STYLE = (
    ".ql-player{{font:1rem/1.45 system-ui,sans-serif;max-width:46rem}}"
    ".ql-player label{{display:flex;gap:.75rem;align-items:center;font-weight:600}}"
    ".ql-player input{{flex:1;max-width:24rem;min-height:24px}}"
    ".ql-player p{{margin:.25rem 0}}"
)
TABLE_STYLE = (
    "{0} table{{border-collapse:collapse;margin:.25rem 0;font-size:inherit;line-height:1.3}}"
    "{0} tr{{background:none}}"
    "{0} th,{0} td{{text-align:left;padding:.1rem 1.5rem .1rem 0;background:none;color:inherit}}"
    "{0} th{{font-weight:600;white-space:nowrap}}"
)
# A page may hold several copies of one explorer: a script takes all that have none yet.
_SCRIPT = """\
(() => {
  const frames = FRAMES;
  const free = '[data-ql-player="KEY"]:not([data-ql-ready])';
  for (const player of document.querySelectorAll(free)) {
    player.dataset.qlReady = "";
    const part = (name) => player.querySelector(name);
    const range = part("input");
    const show = () => {
      const frame = frames[range.value];
      part("img").src = "data:image/png;base64," + frame.png;
      part("img").alt = frame.alt;
      part("output").textContent = frame.value;
      part("[role=status]").textContent = frame.sentence;
      player.querySelectorAll("td").forEach((cell, i) => { cell.textContent = frame.facts[i]; });
      range.setAttribute("aria-valuetext", frame.value);
    };
    range.addEventListener("input", show);
    show();
  }
})();"""


@dataclass(frozen=True)
class Frame:
    """One position of a slider.

    Attributes
    ----------
    value : str
        The text beside the slider: "4", "k = 8".
    png : bytes
        The picture.
    alt : str
        What the picture shows.
    sentence : str
        Printed below the picture and read aloud when the slider moves.
    facts : dict of str to str
        Name and value of each number; the same names in every frame.
    """

    value: str
    png: bytes
    alt: str
    sentence: str
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class StaticExplorer:
    """A finished explorer; a notebook displays it, ``html`` is its text."""

    html: str

    def _repr_html_(self) -> str:
        return self.html


def static_explorer(frames: Sequence[Frame], *, label: str, start: int = 0) -> StaticExplorer:
    """Put frames behind a slider that works offline and without a kernel.

    Parameters
    ----------
    frames : sequence of Frame
        At least one; from left to right.
    label : str
        The name of the slider, with its unit.
    start : int, default=0
        Index of the frame shown first.

    Returns
    -------
    StaticExplorer
        Its ``html`` is one element, to put on any page, also several times.

    Raises
    ------
    ValueError
        If there is no frame, if a frame has no PNG, alt text or sentence, or if the names of facts
        differ.

    Examples
    --------
    >>> frame = Frame("4", b"\\x89PNG\\r\\n\\x1a\\n", "Histogram of ...", "11 of 16 levels.")
    >>> explorer = static_explorer([frame], label="bits per weight")
    >>> "<script>" in explorer.html, "bits per weight" in explorer.html
    (True, True)
    """
    _check_frames(frames, label)
    check_int("start", start, low=0, high=len(frames) - 1)
    data = [
        {
            "value": frame.value,
            "png": base64.b64encode(frame.png).decode(),
            "alt": frame.alt,
            "sentence": frame.sentence,
            "facts": list(frame.facts.values()),
        }
        for frame in frames
    ]
    text = json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")
    key = hashlib.sha256(f"{label}{start}{text}".encode()).hexdigest()[:12]
    script = _SCRIPT.replace("KEY", key).replace("FRAMES", text)
    first, name = frames[start], html.escape(label)
    value = html.escape(first.value)
    # JupyterLab leaves keys alone only where the focused element itself asks for it.
    slider = (
        f'<input type="range" min="0" max="{len(frames) - 1}" step="1" value="{start}" '
        f'aria-valuetext="{value}" data-lm-suppress-shortcuts="true">'
    )
    return StaticExplorer(
        f'<div class="ql-player" data-ql-player="{key}">'
        f"<style>{_STYLE.format()}{TABLE_STYLE.format('.ql-player.ql-player')}</style>"
        f"<label><span>{name}</span>{slider}<output>{value}</output></label>"
        f"{picture_html(first.png, first.alt)}"
        f'<p role="status">{html.escape(first.sentence)}</p>{facts_html(first.facts)}'
        f"<script>{script}</script></div>"
    )


def picture_html(png: bytes, alt: str) -> str:
    """Return an image element with its alt text and the picture inside."""
    content = base64.b64encode(png).decode()
    style = "max-width:100%;height:auto;display:block"
    return f'<img alt="{html.escape(alt)}" style="{style}" src="data:image/png;base64,{content}">'


def facts_html(facts: Mapping[str, str]) -> str:
    """Return names and values as a table of two columns, or an empty string if there are none."""
    rows = "".join(
        f'<tr><th scope="row">{html.escape(name)}</th><td>{html.escape(value)}</td></tr>'
        for name, value in facts.items()
    )
    return rows and f"<table><tbody>{rows}</tbody></table>"


def _check_frames(frames: Sequence[Frame], label: str) -> None:
    """Refuse frames without a picture, alt text or sentence, and a slider without a name."""
    if not frames:
        raise ValueError("`frames` must hold at least one Frame, got none; draw a picture first.")
    if not label.strip():
        raise ValueError("`label` must name the slider, got an empty one; say what it changes.")
    names = list(frames[0].facts)
    for index, frame in enumerate(frames):
        if not frame.png.startswith(_PNG):
            raise ValueError(
                f"`frames` must hold PNG pictures, got {frame.png[:8]!r} at the start of frame "
                f"{index}; save the figure with format='png'."
            )
        if not frame.alt.strip() or not frame.sentence.strip():
            raise ValueError(
                f"`frames` must have an alt text and a sentence each, got none in frame {index}; "
                "say what the picture shows."
            )
        if list(frame.facts) != names:
            raise ValueError(
                f"`frames` must name the same facts, got {list(frame.facts)} in frame {index} and "
                f"{names} in the first; give absent ones an empty value."
            )
