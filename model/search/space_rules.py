"""Which search spaces Katib and its suggestion services take, and the engine here too."""

from __future__ import annotations

import math
import re
from typing import Any

from model.search.document import Document

NUMBERS, LISTS = ("int", "double"), ("categorical", "discrete")


def check_parameters(document: Document) -> None:
    """Each parameter by itself, then what the algorithm asks of all."""
    parameters = document.get("spec.parameters") or []
    document.require(parameters, "spec.parameters", "with at least one parameter")
    for index, one in enumerate(parameters):
        at, name = f"spec.parameters[{index}]", one.get("name") or ""
        document.require(re.fullmatch(r"[A-Za-z0-9_-]+", name), f"{at}.name", "of letters, digits, '-' and '_'", one)
        document.require(sum(p.get("name") == name for p in parameters) == 1, f"{at}.name", "once", name)
        kind = one.get("parameterType")
        document.require(
            kind in NUMBERS + LISTS, f"{at}.parameterType", f"as one of {', '.join(NUMBERS + LISTS)}", kind or "nothing"
        )
        (_check_range if kind in NUMBERS else _check_list)(
            document, f"{at}.feasibleSpace", kind, one.get("feasibleSpace") or {}
        )
    if document.get("spec.algorithm.algorithmName") == "cmaes":
        numbers = sum(one["parameterType"] in NUMBERS for one in parameters)
        document.require(numbers >= 2, "spec.parameters", "with two of int or double for cmaes", f"{numbers}")


def _check_list(document: Document, at: str, kind: str, space: dict[str, Any]) -> None:
    values = space.get("list") or []
    document.require(values, f"{at}.list", "with at least one value", "none")
    document.require(len(set(values)) == len(values), f"{at}.list", "with each value once", values)
    extra = {"min", "max", "step", "distribution"} & set(space)
    document.require(not extra, at, f"without {', '.join(sorted(extra))} for {kind}", space)
    numbers = kind == "categorical" or all(_number(value) is not None for value in values)
    document.require(numbers, f"{at}.list", "as numbers for discrete", values)


def _check_range(document: Document, at: str, kind: str, space: dict[str, Any]) -> None:
    document.require(not space.get("list"), f"{at}.list", f"left out for {kind}", space.get("list"))
    for field in ("min", "max", "step"):
        text = space.get(field)
        if text or field != "step":
            number = _number(text or "")
            whole = number is not None and (kind == "double" or re.fullmatch(r"[+-]?\d+", text or ""))
            document.require(whole, f"{at}.{field}", f"as {kind} in quotes", text or "nothing")
    low, high, step = (float(space.get(field) or 0) for field in ("min", "max", "step"))
    document.require(low <= high, f"{at}.min", f"of at most max, {space['max']}", space["min"])
    document.require(not space.get("step") or step > 0, f"{at}.step", "over 0", space.get("step"))
    distribution = space.get("distribution")
    document.require(
        distribution in (None, "uniform", "logUniform"),
        f"{at}.distribution",
        "as uniform or logUniform: no other has an equal here",
        distribution,
    )
    if distribution == "logUniform":
        document.require(low > 0, f"{at}.min", "over 0 for logUniform", space["min"])
        document.require(not step, f"{at}.step", "left out for logUniform, as the engine has none", space.get("step"))


def check_grid(document: Document) -> None:
    """A grid needs steps, and no more trials than it has points."""
    if document.get("spec.algorithm.algorithmName") != "grid":
        return
    points = 1
    for index, one in enumerate(document.get("spec.parameters")):
        space = one["feasibleSpace"]
        if one["parameterType"] in LISTS:
            points *= len(space["list"])
            continue
        at = f"spec.parameters[{index}].feasibleSpace.step"
        document.require(one["parameterType"] == "int" or space.get("step"), at, "for a grid", "nothing")
        points *= len(steps(float(space["min"]), float(space["max"]), float(space.get("step") or 1)))
    trials = document.get("spec.maxTrialCount")
    document.require(trials <= points, "spec.maxTrialCount", f"of at most the grid's {points} points", trials)


def steps(low: float, high: float, step: float) -> list[float]:
    """The points from low to high, both included where the step meets them."""
    return [low + step * k for k in range(math.floor((high - low) / step + 1e-9) + 1)]


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None
