"""Protobuf and gRPC stubs, generated from ``proto/`` when the package is built."""
