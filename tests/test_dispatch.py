"""Which build of the kernels runs."""

import subprocess
import sys

import pytest

from imgsvc import _cpu, _dispatch
from imgsvc.errors import ConfigurationError
from tests.processes import environment, run

MEAN_OF_ZEROS = "import numpy, imgsvc; print(imgsvc.mean_filter(numpy.zeros((9, 9), numpy.uint8)).sum())"


def test_the_best_build_runs_unless_told_otherwise(monkeypatch):
    monkeypatch.delenv("IMGSVC_ISA", raising=False)
    assert _dispatch.isa() == _dispatch.usable_isas()[-1]


@pytest.mark.parametrize("isa", _dispatch.usable_isas())
def test_imgsvc_isa_overrides(isa):
    code = f"{MEAN_OF_ZEROS}; import sys; print(*(m for m in sys.modules if m.startswith('imgsvc._kernels')))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment(IMGSVC_ISA=isa),
        capture_output=True,
        text=True,
        check=True,
    )
    suffix = "" if isa == "baseline" else "_" + isa.replace("-", "_")
    assert done.stdout.split() == ["0", f"imgsvc._kernels{suffix}"]


def test_an_isa_that_is_not_built(monkeypatch):
    monkeypatch.setenv("IMGSVC_ISA", "avx9000")
    with pytest.raises(
        ConfigurationError, match="^IMGSVC_ISA: 'avx9000': no kernels are built for it, expected one of"
    ):
        _dispatch.isa()


def test_an_isa_that_the_cpu_lacks_is_an_error_and_not_a_crash(monkeypatch):
    monkeypatch.setenv("IMGSVC_ISA", "x86-64-v9")
    monkeypatch.setattr(_cpu, "built_isas", lambda: ("x86-64-v9",))
    with pytest.raises(ConfigurationError, match="^IMGSVC_ISA: 'x86-64-v9': this CPU lacks it"):
        _dispatch.isa()


def test_the_cpu_is_asked_by_name_only():
    assert not _cpu.supports("x86-64-v9")
    assert not _cpu.supports("é")
    assert all(isinstance(_cpu.supports(name), bool) for name in _cpu.built_isas())


@pytest.mark.parametrize("program", ["imgsvc-server", "imgsvc-client"])
def test_the_programs_say_so_in_one_line(program, tmp_path):
    (tmp_path / "in.pgm").write_bytes(b"P5 1 1 255 \x00")
    client = ["--embedded", "--mean", "--input", tmp_path / "in.pgm", "--output", tmp_path / "out.png"]
    done = run(program, *(client if program == "imgsvc-client" else ["--port", "0"]), IMGSVC_ISA="avx9000")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith(f"{program}: IMGSVC_ISA: 'avx9000'")
