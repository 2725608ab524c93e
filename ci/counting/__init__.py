"""The profiler, the client and the verdict of ``ci/count-calls``."""
