"""Plans whose operations look at the image, once it is there: what they will do is known from then on."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

from imgsvc.errors import InvalidInputError, InvalidParameterError, LimitExceededError
from imgsvc.recipes.limits import check_steps
from imgsvc.recipes.planning import OutputPlan, branches, if_it_fits

if TYPE_CHECKING:
    from collections.abc import Callable

    from imgsvc.pipeline import Plan
    from imgsvc.recipes.limits import Limits
    from imgsvc.recipes.planning import RecipePlan

    Settle = Callable[[Plan, Callable[[Plan], None]], Plan]

__all__ = ["with_settled_outputs", "with_settled_trunk"]


def with_settled_trunk(plan: RecipePlan, settle: Settle, limits: Limits) -> RecipePlan:
    """Return a plan whose trunk looks no more; the outputs are planned for what it leaves.

    Raises
    ------
    InvalidInputError
        It is too small for what comes after, or is enlarged beyond a limit, or no output can be made of it.
    """
    if plan.trunk is None or not plan.trunk.looks:
        return plan
    trunk = _settled(plan, plan.trunk, settle, limits, "recipe")
    outputs = branches(plan.input, plan.recipe, trunk, limits)
    settled = dataclasses.replace(plan, trunk=trunk, outputs=outputs)
    _check_room(settled.num_bytes, plan)
    return settled


def with_settled_outputs(plan: RecipePlan, settle: Settle, limits: Limits) -> RecipePlan:
    """Return a plan whose outputs look no more; one that cannot be made any more has the reason."""
    if not any(output.steps is not None and output.steps.looks for output in plan.outputs):
        return plan
    outputs: list[OutputPlan] = []
    for index, output in enumerate(plan.outputs):
        field = f"recipe.outputs[{index}]"
        if output.steps is None or not output.steps.looks:
            outputs.append(output)
            continue
        try:
            made = dataclasses.replace(output, steps=_settled(plan, output.steps, settle, limits, field))
        except InvalidInputError as error:
            made = dataclasses.replace(output, steps=None, error=error)
        outputs.append(if_it_fits(made, outputs, limits, field))
    settled = dataclasses.replace(plan, outputs=tuple(outputs))
    _check_room(settled.num_bytes, plan)
    return settled


def _check_room(num_bytes: int, planned: RecipePlan) -> None:
    """Raise LimitExceededError if it takes more memory than was set aside when nobody had looked."""
    if planned.at_most and num_bytes > planned.num_bytes:
        raise LimitExceededError(
            "recipe",
            num_bytes,
            planned.num_bytes,
            "bytes for what is left of the image, since it is enlarged: give both a width and a height",
        )


def _settled(plan: RecipePlan, steps: Plan, settle: Settle, limits: Limits, field: str) -> Plan:
    def check(made: Plan) -> None:
        check_steps(made, plan.input.frames, limits, field)
        result = math.prod(made.shape) * made.dtype.itemsize
        _check_room(result + made.buffer_bytes + made.scratch_bytes(1), plan)

    try:
        return settle(steps, check)
    except InvalidParameterError as error:
        raise type(error)(f"{field}.{error.field}", error.value, error.expected) from error
