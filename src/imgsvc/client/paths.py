"""The methods of `imgsvc.v1.ImageService`, and that which tells of its health, as gRPC calls them."""

from __future__ import annotations

from imgsvc.v1.image_service_pb2 import DESCRIPTOR

__all__ = ["BATCH", "DESCRIBE", "HEALTH", "INFO", "OPERATIONS", "PLAN", "PROCESS", "SERVICE"]

SERVICE = DESCRIPTOR.services_by_name["ImageService"].full_name
PROCESS = f"/{SERVICE}/Process"
BATCH = f"/{SERVICE}/ProcessBatch"
PLAN = f"/{SERVICE}/Plan"
DESCRIBE = f"/{SERVICE}/Describe"
OPERATIONS = f"/{SERVICE}/ListOperations"
INFO = f"/{SERVICE}/GetServerInfo"
HEALTH = "/grpc.health.v1.Health/Check"
