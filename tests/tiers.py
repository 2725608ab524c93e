"""The two tiers of tests: what is left for the thorough one."""

QUICK = "quick"
"""The property of a test that has run in the quick tier, and has more to it in the thorough one."""


def leave_more(item):
    """Note that the thorough tier does more of this test, which counts as passed only when that has."""
    if not item.config.getoption("thorough") and (QUICK, True) not in item.user_properties:
        item.user_properties.append((QUICK, True))
