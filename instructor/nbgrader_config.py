"""Settings for nbgrader's own commands; `quantlab build` copies this file to build/course/.

cd build/course && nbgrader generate_assignment 02_uniform_quantization
"""

from pathlib import Path

c = get_config()  # noqa: F821 - nbgrader puts it here

c.CourseDirectory.course_id = "quantlab"
c.CourseDirectory.root = str(Path(__file__).resolve().parent)
c.CourseDirectory.ignore = [".ipynb_checkpoints", "*.pyc", "__pycache__", "*.py"]

c.Execute.timeout = 300  # seconds a cell; a test takes less than 5

# What learners find in place of a solution. `quantlab build` reads it here, too.
c.ClearSolutions.code_stub = {
    "python": 'raise NotImplementedError("write your answer here, then delete this line")'
}
