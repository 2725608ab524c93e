"""The exceptions by themselves."""

import pickle

import grpc
import pytest

from imgsvc import errors

MADE = {
    errors.LimitExceededError: (("image", 2, 1, "bytes"), {}),
    errors.InvalidInputError: (("width", "0", "at least 1"), {}),
    errors.OverloadedError: (("calls", 2, 1, 0.5), {}),
    errors.StoppedError: ((), {"cancelled": True}),
    errors.ServiceUnavailableError: ((grpc.StatusCode.UNAVAILABLE, "busy", "", 0.5), {}),
    errors.ServiceError: ((grpc.StatusCode.INVALID_ARGUMENT, "width: 0", "recipe.width"), {}),
    errors.ImgsvcError: (("a.jpg: no such file",), {}),
}


@pytest.mark.parametrize("name", errors.__all__)
def test_they_come_out_of_other_processes_as_they_were(name):
    kind = getattr(errors, name)
    args, options = next(made for base, made in MADE.items() if issubclass(kind, base))
    error = kind(*args, **options)
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is kind
    assert (str(again), again.args, vars(again)) == (str(error), error.args, vars(error))
