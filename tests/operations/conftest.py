import pytest

from imgsvc import _threads


@pytest.fixture(scope="package", autouse=True)
def threads_for_small_images():
    """Small images are what is quick to test, and with several threads only if these are not spared."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_threads, "BYTES_PER_THREAD", 1)
        yield
