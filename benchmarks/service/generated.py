"""The contract's classes and method as a user's own generated modules would have them.

imgsvc's stubs keep their descriptors in a pool of their own. Here the same file goes into protobuf's default
pool, and the classes come from there, as in any generated module; so no generator has to be installed.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pool
from google.protobuf.message_factory import GetMessageClass

from imgsvc.stubs.nl_image_service_pb2 import DESCRIPTOR

SERVICE = DESCRIPTOR.services_by_name["NLImageService"].full_name
MEAN_FILTER = f"/{SERVICE}/MeanFilter"

descriptor_pool.Default().AddSerializedFile(DESCRIPTOR.serialized_pb)
NLImage: Any = GetMessageClass(descriptor_pool.Default().FindMessageTypeByName("NLImage"))
