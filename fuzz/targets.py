"""All targets."""

from __future__ import annotations

from fuzz.codecs import CODECS
from fuzz.descriptions import DESCRIPTIONS
from fuzz.files import FILES
from fuzz.messages import ANSWERS, ENVELOPES, NL_IMAGES
from fuzz.metadata import METADATA
from fuzz.requests import BATCHES, PIPELINES, REQUESTS

__all__ = ["TARGETS"]

TARGETS = {
    target.name: target
    for target in (
        ENVELOPES,
        NL_IMAGES,
        ANSWERS,
        PIPELINES,
        REQUESTS,
        BATCHES,
        DESCRIPTIONS,
        FILES,
        METADATA,
        *CODECS,
    )
}
