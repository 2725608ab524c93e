"""The door of the kernels: everyday calls of the public functions, without a Python frame on their way.

A call is everyday if its image is a plain array, its parameters are plain values, and a call with an image
of the same shape and dtype and with the same parameters has come through the Python function before. What
that found out (that all is valid, which kernel does it, what the result is like, what it costs) is a
`Prepared`, which is kept. Any other call is the Python function's, as if there were no door: it alone checks
parameters and writes errors. So both ways give the same results and the same errors.

This is a module of its own, and not a part of ``_kernels``, for it is there before a build of these is
chosen, and without loading OpenMP; all builds share its types.
"""

cimport numpy as np
from cpython.long cimport PyLong_CheckExact
from cpython.object cimport PyObject
from libc.stdint cimport int64_t

import functools
import types

import numpy as np

from imgsvc._stop cimport Stop, no_stop, stop_state
from imgsvc._threads cimport AS_MANY_AS_CORES, threads
from imgsvc.door.arrays cimport Layout, image_of, layout_of, overlap
from imgsvc.door.parameters cimport Key, put, put_value
from imgsvc.kernels.image cimport Image

from imgsvc import _threads
from imgsvc.errors import StoppedError

np.import_array()

cdef enum:
    MOST_KEPT = 64  # of a function: each may hold tables of a quarter of a megabyte
    MOST_PARAMETERS = 16
    UNUSUAL = -1    # no number of threads

ctypedef PyObject* Value  # borrowed from the call or the function

cdef int most_threads = _threads.MAX_THREADS
cdef object REQUIRED = object()


cdef class Kernel:
    """A routine bound to its parameters; the builds of ``_kernels`` derive theirs from it."""

    def __call__(self, np.ndarray src not None, np.ndarray dst not None, int num_threads, Stop stop not None):
        """Compute `dst` from `src`: (H, W, C), with contiguous rows, and of the shapes that it is for."""
        cdef Layout src_layout, dst_layout
        cdef Image src_image, dst_image
        # A view, since these may be of a subclass.
        src, dst = np.asarray(src), np.asarray(dst)
        if not (
            layout_of(src, &src_layout)
            and layout_of(dst, &dst_layout)
            and image_of(src, &src_layout, &src_image)
            and image_of(dst, &dst_layout, &dst_image)
        ):
            raise ValueError("arrays that are no images, or whose rows are not contiguous")
        self.run(&src_image, &dst_image, num_threads, &stop.state)

    cdef int run(self, const Image* src, const Image* dst, int num_threads, stop_state* stop) except -1:
        raise NotImplementedError


cdef class Prepared:
    """A kernel for images of one shape and dtype: what it takes, what it gives, and what that costs.

    Parameters
    ----------
    kernel
        What computes the result.
    src_shape, src_dtype, dst_shape, dst_dtype
        Those of the image and the result, (H, W) or (H, W, C).
    cost
        How many bytes one core copies in about the time that it takes.
    """

    cdef Kernel kernel
    cdef Layout src
    cdef Layout dst
    cdef int64_t cost

    def __cinit__(
        self, Kernel kernel not None, src_shape, src_dtype, dst_shape, dst_dtype, int64_t cost
    ):
        self.kernel = kernel
        self.src = layout(src_shape, src_dtype)
        self.dst = layout(dst_shape, dst_dtype)
        self.cost = cost

    def run(self, src, dst, num_threads, Stop stop not None):
        """Compute `dst` from `src`, and return whether they are what it takes; otherwise nothing is done.

        That is: plain arrays of the shapes and dtypes it is for, `src` with contiguous rows, `dst` contiguous
        and writable, and no memory that both have.

        Raises
        ------
        StoppedError
            `stop` said so before it was done; `dst` holds a part of the result.
        """
        cdef Layout layout
        cdef int most = AS_MANY_AS_CORES if num_threads is None else num_threads
        if not layout_of(src, &layout) or not same(&layout, &self.src):
            return False
        if self.compute(src, dst, most, &stop.state) is None:
            return False
        if stop.stopped:
            raise StoppedError(cancelled=stop.cancelled)
        return True

    cdef object compute(self, np.ndarray image, object out, int num_threads, stop_state* stop):
        """Return the result for an image of the right layout; None if it, or `out`, is unusual."""
        cdef Image src, dst
        cdef Layout layout
        if not image_of(image, &self.src, &src):
            return None
        if out is None:
            out = np.PyArray_EMPTY(<int>self.dst.rank, <np.npy_intp*>self.dst.shape, <int>self.dst.typenum, 0)
            image_of(out, &self.dst, &dst)
        else:
            if not layout_of(out, &layout) or not same(&layout, &self.dst) or not np.PyArray_ISCARRAY(out):
                return None
            image_of(out, &self.dst, &dst)
            if overlap(&src, &dst):
                return None
        self.kernel.run(&src, &dst, threads(self.cost, num_threads), stop)
        return out


cdef Layout layout(shape, dtype) except *:
    """The layout of arrays of that shape and dtype."""
    cdef Layout result
    layout_of(np.empty((0, *shape[1:]), dtype), &result)
    result.shape[0] = shape[0]
    return result


cdef inline bint same(const Layout* one, const Layout* other) noexcept:
    return (
        one.shape[0] == other.shape[0]
        and one.shape[1] == other.shape[1]
        and one.shape[2] == other.shape[2]
        and one.rank == other.rank
        and one.typenum == other.typenum
    )


cdef class Door:
    """A public function with a way past it for everyday calls; to whoever looks, it is that function.

    Parameters
    ----------
    operation
        Makes an operation of the parameters between the image and `out`.
    function
        Takes an image, these parameters, and `out` and `num_threads` by name.
    """

    cdef object operation
    cdef object function
    cdef tuple names     # of the parameters: the image first, `out` and `num_threads` last
    cdef tuple defaults  # of all of them; REQUIRED where there is none
    cdef Py_ssize_t positional
    cdef dict kept       # what is prepared, by its key
    cdef dict __dict__

    def __init__(self, operation, function):
        code = function.__code__
        defaults = function.__defaults__ or ()
        by_name = {**dict.fromkeys(code.co_varnames, REQUIRED), **(function.__kwdefaults__ or {})}
        self.operation = operation
        self.function = function
        self.positional = code.co_argcount
        self.names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        self.defaults = (
            *(REQUIRED,) * (code.co_argcount - len(defaults)),
            *defaults,
            *map(by_name.get, self.names[code.co_argcount :]),
        )
        if not self.positional or self.names[len(self.names) - 2:] != ("out", "num_threads"):
            raise TypeError("a door is for an image, parameters, and `out` and `num_threads` by name")
        if len(self.names) > MOST_PARAMETERS:
            raise TypeError("more parameters than a door has room for")
        self.kept = {}
        functools.update_wrapper(self, function)

    def __call__(self, *args, **kwargs):
        cdef Value[MOST_PARAMETERS] values
        cdef Layout layout
        cdef Key key
        cdef stop_state stop = no_stop()
        cdef Prepared prepared
        cdef Py_ssize_t last = len(self.names) - 1
        cdef int num_threads
        if not self.assign(values, args, kwargs) or not self.identify(values, &layout, &key):
            return self.function(*args, **kwargs)
        name = key.data[:key.length]
        prepared = self.kept.get(name)
        if prepared is None:
            result = self.function(*args, **kwargs)
            self.prepare(name, values)
            return result
        num_threads = threads_asked(<object>values[last])
        if num_threads != UNUSUAL:
            result = prepared.compute(<object>values[0], <object>values[last - 1], num_threads, &stop)
            if result is not None:
                return result
        return self.function(*args, **kwargs)

    cdef bint assign(self, Value* values, tuple args, dict kwargs) except -1:
        """Find the value of each parameter, and return whether all have one and nothing is left over."""
        cdef Py_ssize_t given = len(args)
        cdef Py_ssize_t count = len(self.names)
        cdef Py_ssize_t i
        if given > self.positional:
            return False
        for i in range(given):
            values[i] = <Value>args[i]
        for i in range(given, count):
            values[i] = <Value>self.defaults[i]
        for name, value in kwargs.items():
            for i in range(given, count):
                if name is self.names[i] or name == self.names[i]:
                    values[i] = <Value>value
                    break
            else:
                return False
        for i in range(count):
            if values[i] == <Value>REQUIRED:
                return False
        return True

    cdef bint identify(self, Value* values, Layout* layout, Key* key) except -1:
        """Make a key of the image's layout and the parameters, and return whether these are plain."""
        cdef Py_ssize_t i
        key.length = 0
        if not layout_of(<object>values[0], layout) or not put(key, layout, sizeof(layout[0])):
            return False
        for i in range(1, len(self.names) - 2):
            if not put_value(key, <object>values[i], 0):
                return False
        return True

    cdef int prepare(self, bytes name, Value* values) except -1:
        """Keep what the next call with the same key needs, after one that succeeded."""
        cdef Layout layout
        cdef Key key
        image = <object>values[0]
        parameters = [<object>values[i] for i in range(1, len(self.names) - 2)]
        prepared = self.operation(*parameters).prepared(image.shape, image.dtype)
        # An array or a list may have been changed meanwhile, by another thread.
        if prepared is None or not self.identify(values, &layout, &key) or key.data[:key.length] != name:
            return 0
        while len(self.kept) >= MOST_KEPT:
            self.kept.pop(next(iter(self.kept)), None)
        self.kept[name] = prepared
        return 0

    def forget(self):
        """Keep nothing of the calls so far: what they prepared holds kernels of one build."""
        self.kept.clear()

    def __get__(self, instance, owner):
        return self if instance is None else types.MethodType(self, instance)

    def __reduce__(self):
        return self.__qualname__

    def __repr__(self):
        return f"<imgsvc operation {self.__qualname__}>"


cdef int threads_asked(object num_threads) except? -2:
    """The number of threads that was asked for, if it is valid and plainly said."""
    cdef long count
    if num_threads is None:
        return AS_MANY_AS_CORES
    if not PyLong_CheckExact(num_threads):
        return UNUSUAL
    try:
        count = num_threads
    except OverflowError:
        return UNUSUAL
    return <int>count if 1 <= count <= most_threads else UNUSUAL
