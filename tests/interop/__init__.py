import pytest

# Its tests are those of each page's module, which pytest would not rewrite by itself.
pytest.register_assert_rewrite("tests.interop.pages")
