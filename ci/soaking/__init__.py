"""The load, the samples and the verdict of ``ci/soak``."""
