"""Notebooks of learners, made from the notebooks that they start from."""

import json

from quantlab_helpers.course.workspace import notebooks_folder

NAME = "02_uniform_quantization"


def notebook(name=NAME):
    """Return the JSON value of a lesson as learners get it."""
    return json.loads((notebooks_folder() / f"{name}.ipynb").read_bytes())


def marker_name(cell):
    """Return the exercise that a cell is the answer cell of, None for other cells."""
    first = "".join(cell["source"]).partition("\n")[0]
    return first.removeprefix("# exercise: ") if first.startswith("# exercise: ") else None


def exercises_of(name=NAME):
    return [marker_name(cell) for cell in notebook(name)["cells"] if marker_name(cell)]


def answer(plain, *exercises):
    """Replace the placeholder of these exercises, of all if none is named, by a statement."""
    for cell in plain["cells"]:
        text, name = "".join(cell["source"]), marker_name(cell)
        if name and (not exercises or name in exercises) and "raise NotImplementedError" in text:
            indent = "    " if "\n    raise" in text else ""
            line = next(line for line in text.split("\n") if "raise NotImpl" in line)
            statement = f"{indent}return 5" if indent else "answer = 5"
            cell["source"] = text.replace(line, statement)
    return plain


def delete_placeholders(plain):
    """Delete the line ``raise NotImplementedError(...)`` of every stub, and nothing else."""
    for cell in plain["cells"]:
        lines = "".join(cell["source"]).split("\n")
        cell["source"] = "\n".join(x for x in lines if "raise NotImplementedError" not in x)
    return plain


def write(path, plain):
    path.write_text(json.dumps(plain), encoding="utf-8")
    return path
