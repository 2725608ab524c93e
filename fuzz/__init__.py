"""Fuzzing: bytes that nobody would send, for each place where bytes come in.

A target is a function of bytes that raises where something is wrong: another exception than ours, a result
that differs from protobuf's, more memory or time than there may be. ``ci/fuzz`` lets atheris look for such
bytes; what it has found lies in ``fuzz/found/TARGET``, and ``tests/test_fuzz.py`` runs it.
"""
