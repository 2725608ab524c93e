"""A descriptor pool of imgsvc's own, and message classes made from it.

Messages of a contract without a package, such as ``NLImage``, can stand in protobuf's default pool
once only. Users bring their own stubs of that contract, so imgsvc's never go there. The generated
module calls this one where it would otherwise call ``google.protobuf.internal.builder``.
"""

from __future__ import annotations

from typing import Any

from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.internal.builder import BuildMessageAndEnumDescriptors
from google.protobuf.message_factory import GetMessageClass

__all__ = ["POOL", "BuildMessageAndEnumDescriptors", "BuildTopDescriptorsAndMessages"]

POOL = DescriptorPool()


# The name and signature are the builder's.
def BuildTopDescriptorsAndMessages(file: FileDescriptor, module_name: str, module: dict[str, Any]) -> None:  # noqa: N802
    """Put a class for each top-level message of `file` into `module`, without registering it anywhere."""
    for name, service in file.services_by_name.items():
        module["_" + name.upper()] = service
    for name, descriptor in file.message_types_by_name.items():
        message = GetMessageClass(descriptor)
        message.__module__ = module_name
        module[name] = message
