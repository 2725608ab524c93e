"""The gRPC server: `imgsvc.server.lifecycle.Server` in this process, or the program ``imgsvc-server``."""
