"""The exercises of lesson 03, k-means quantization, and their well-known mistakes."""

from __future__ import annotations

from ._exercise import FunctionExercise, ValueExercise

EXERCISES: list[FunctionExercise | ValueExercise] = []
