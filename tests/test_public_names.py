"""The names of the package: those of `__all__`, for whoever asks what there is."""

import subprocess
import sys

import imgsvc


def test_dir_shows_the_public_names_and_no_others():
    assert dir(imgsvc) == sorted(imgsvc.__all__)
    for name in dir(imgsvc):
        assert getattr(imgsvc, name) is not None


def test_what_the_readme_names_by_its_module_is_there_at_once():
    code = (
        "import sys, imgsvc;"
        "imgsvc.operations.Convolve, imgsvc.errors.ServiceError;"
        "sys.exit(not {'errors', 'operations'} <= set(dir(imgsvc)) or 'grpc' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_it_is_the_same_when_everything_is_loaded():
    code = (
        "import imgsvc, imgsvc.client.sync, imgsvc.codec, imgsvc.errors, sys;"
        "sys.exit(dir(imgsvc) != sorted(imgsvc.__all__))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
