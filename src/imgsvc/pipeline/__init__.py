"""Several operations on one image, as one piece of work: what they are, what they take, how they are run."""

from imgsvc.pipeline.description import MAX_OPERATIONS
from imgsvc.pipeline.pipeline import Pipeline
from imgsvc.pipeline.plan import Plan, Step
from imgsvc.pipeline.presets import Preset, load_presets

__all__ = ["MAX_OPERATIONS", "Pipeline", "Plan", "Preset", "Step", "load_presets"]
