"""The builds of the kernels, one after the other in one process."""

from imgsvc import _dispatch, operations
from imgsvc.pipeline import plan

DOORS = [getattr(operations, name) for name in operations.OPERATIONS]


def use(monkeypatch, isa):
    """Compute with the kernels of that build from now on."""
    kernels = _dispatch.load(isa)
    monkeypatch.setattr(_dispatch, "kernels", lambda: kernels)
    forget()


def forget():
    """Let nothing that was prepared for one build meet another."""
    for door in DOORS:
        door.forget()
    plan.plan.cache_clear()
