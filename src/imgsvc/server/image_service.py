"""imgsvc.v1.ImageService on the server: what its unary methods answer."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from imgsvc.codec import read_header
from imgsvc.recipes.planning import plan_recipe
from imgsvc.recipes.source import ImageFile
from imgsvc.server.prepared import Reporting
from imgsvc.server.prepared_cache import MOST_KEY_BYTES, MOST_KEY_FIELDS, PreparedCache
from imgsvc.server.prepared_description import DescribeMethod
from imgsvc.server.prepared_recipe import PlannedRecipe, PreparedRecipe
from imgsvc.v1.image_service_pb2 import DESCRIPTOR
from imgsvc.wire.image import payload_field, read_source
from imgsvc.wire.process import PROCESS_REQUEST
from imgsvc.wire.recipe import read_recipe

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping

    from imgsvc.codec.helpers import Helpers
    from imgsvc.pipeline.presets import Preset
    from imgsvc.recipes.limits import Limits
    from imgsvc.recipes.recipe import Recipe
    from imgsvc.recipes.source import Source
    from imgsvc.server.caching import Caching
    from imgsvc.server.overload.price import Pricing
    from imgsvc.server.prepared import Method
    from imgsvc.server.reports import Reports
    from imgsvc.v1.image_service_pb2 import BatchItem
    from imgsvc.v1.recipe_pb2 import Recipe as RecipeMessage

__all__ = ["SERVICE_NAME", "ProcessMethod", "Processing", "image_methods"]

SERVICE_NAME = DESCRIPTOR.services_by_name["ImageService"].full_name


class Processing:
    """Prepares recipes.

    What it prepares it keeps, for as long as its presets are the same ones: a recipe by its message, and what
    becomes of it by that and by what the image is like.

    Parameters
    ----------
    limits
        Of one request.
    presets
        By name.
    pricing
        Makes prices of plans.
    caching
        Where results are kept; None for nowhere.
    helpers
        Who decodes and encodes what takes long.
    """

    def __init__(
        self,
        limits: Limits,
        presets: Mapping[str, Preset],
        pricing: Pricing,
        caching: Caching | None = None,
        helpers: Helpers | None = None,
    ) -> None:
        self.limits = limits
        self.presets = presets
        self.pricing = pricing
        self.caching = caching
        self.helpers = helpers
        self._recipes: PreparedCache[Recipe] = PreparedCache()
        self._planned: PreparedCache[PlannedRecipe] = PreparedCache()

    def read_recipe(self, message: RecipeMessage) -> Recipe:
        """Return the recipe of a request: the same one again for the same message.

        Raises
        ------
        InvalidParameterError
            As `imgsvc.wire.recipe.read_recipe` does.
        """
        content = message.SerializeToString(deterministic=True)
        recipe = self._recipes.get(content)
        if recipe is None:
            recipe = read_recipe(message, self.presets)
            self._recipes.keep(content, recipe, len(content))
        return recipe

    def prepare_item(
        self, item: BatchItem, payload: Callable[[bytes], memoryview], recipe: Recipe
    ) -> PreparedRecipe:
        """Return a request to run a recipe, of `read_recipe`, on the image of an item.

        Parameters
        ----------
        payload
            Finds the item's payload; see `Opened.payload`.

        Raises
        ------
        InvalidInputError
            The image is missing, none, or beyond a limit, or no output can be made of it.
        """
        source = read_source(item.image, payload, "image")
        return PreparedRecipe(self.planned(source, recipe), payload(payload_field(item.image)))

    def planned(self, source: Source, recipe: Recipe) -> PlannedRecipe:
        """Return what a recipe comes to for images like that one.

        Raises
        ------
        InvalidInputError
            The image is none, or beyond a limit, or no output can be made of it.
        """
        # What is found holds its recipe, so no other one has that id meanwhile.
        if isinstance(source, ImageFile):
            header, icc_profile = read_header(source.data, frames=recipe.decoding.frames), None
            key: Hashable = id(recipe), header
        else:
            header, icc_profile = None, source.icc_profile
            key = id(recipe), source.shape, source.dtype, icc_profile
        planned = self._planned.get(key)
        if planned is None or planned.recipe is not recipe:
            plan = plan_recipe(source, recipe, self.limits, header=header)
            planned = PlannedRecipe(recipe, plan, icc_profile, self)
            if not planned.fails:  # errors hold on to the requests that they were raised for
                self._planned.keep(key, planned, planned.key_bytes, planned.table_bytes)
        return planned


class ProcessMethod:
    """`Process`: an image, and a recipe for it.

    Requests with pixels are found by their header. Of a file more has to be known, and looking at it takes
    longer: these are prepared each time, but not planned.
    """

    on_invalid_input = None

    def __init__(self, processing: Processing) -> None:
        self._processing = processing
        self._known: PreparedCache[_Known] = PreparedCache()

    def find(self, body: bytes) -> PreparedRecipe | None:
        """Return a request with pixels if others like it were prepared before; see `Method.find`."""
        parts = PROCESS_REQUEST.split(body, MOST_KEY_FIELDS, MOST_KEY_BYTES)
        if parts is None:
            return None
        known = self._known.get(parts[0])
        if known is None or known.planned is None:
            return None
        data = parts[1][known.index]
        return PreparedRecipe(known.planned, data) if len(data) == known.num_bytes else None

    def prepare(self, body: bytes) -> PreparedRecipe:
        """Return a request that was parsed, checked and planned; see `Method.prepare`."""
        parts = PROCESS_REQUEST.split(body, MOST_KEY_FIELDS, MOST_KEY_BYTES)
        known = None if parts is None else self._known.get(parts[0])
        if parts is not None and known is not None and known.planned is None:
            data = parts[1][known.index]
            return PreparedRecipe(self._processing.planned(ImageFile(data), known.recipe), data)
        opened = PROCESS_REQUEST.open(body)
        image = opened.message.image
        source = read_source(image, opened.payload, "image")
        recipe = self._processing.read_recipe(opened.message.recipe)
        planned = self._processing.planned(source, recipe)
        field = payload_field(image)
        data, index = opened.payload(field), opened.index(field)
        if opened.header is not None and index is not None and not planned.fails:
            of_pixels = None if isinstance(source, ImageFile) else planned
            tables = 0 if of_pixels is None else planned.table_bytes
            known = _Known(recipe, of_pixels, index, len(data))
            self._known.keep(opened.header, known, len(opened.header), tables)
        return PreparedRecipe(planned, data)


@dataclasses.dataclass(frozen=True)
class _Known:
    """What the header of a request says."""

    recipe: Recipe
    planned: PlannedRecipe | None
    """None for files."""

    index: int
    """Where among the payloads the image is."""

    num_bytes: int
    """Of its pixels."""


def image_methods(processing: Processing, reports: Reports, *, allows_gps: bool) -> dict[str, Method]:
    """Return the unary methods by name."""
    return {
        f"/{SERVICE_NAME}/Process": ProcessMethod(processing),
        f"/{SERVICE_NAME}/Plan": Reporting(reports.plan),
        f"/{SERVICE_NAME}/Describe": DescribeMethod(processing, allows_gps=allows_gps),
        f"/{SERVICE_NAME}/ListOperations": Reporting(reports.list_operations),
        f"/{SERVICE_NAME}/GetServerInfo": Reporting(reports.get_server_info),
    }
