"""What a process that computes all day takes care of: memory, cores and threads. It knows nothing of gRPC."""
