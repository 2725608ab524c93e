"""Parameters of a call as a run of bytes: equal if, and only if, their types and values are."""

cimport numpy as np
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_CheckExact, PyBytes_GET_SIZE
from cpython.float cimport PyFloat_AS_DOUBLE, PyFloat_CheckExact
from cpython.list cimport PyList_CheckExact, PyList_GET_SIZE
from cpython.long cimport PyLong_AsLongLongAndOverflow, PyLong_CheckExact
from cpython.tuple cimport PyTuple_CheckExact, PyTuple_GET_SIZE
from cpython.unicode cimport PyUnicode_CheckExact
from libc.string cimport memcpy

cdef extern from "Python.h":
    const char* PyUnicode_AsUTF8AndSize(object text, Py_ssize_t* size) except NULL

cdef enum:
    MOST_BYTES = 4096   # of a key: a matrix of 22 x 22, a table for each of four channels
    MOST_NESTING = 2    # rows of a matrix


cdef struct Key:
    Py_ssize_t length
    char[MOST_BYTES] data


cdef inline bint put(Key* key, const void* data, Py_ssize_t size) noexcept:
    if size > MOST_BYTES - key.length:
        return False
    memcpy(key.data + key.length, data, size)
    key.length += size
    return True


cdef inline bint put_sized(Key* key, char tag, const void* data, Py_ssize_t size) noexcept:
    return put(key, &tag, 1) and put(key, &size, sizeof(size)) and put(key, data, size)


cdef inline bint put_value(Key* key, object value, int nesting) except -1:
    """Append a plain value, and return whether it is one, and there is room for it."""
    cdef long long integer
    cdef double number
    cdef int overflow = 0
    cdef Py_ssize_t size = 0
    cdef const char* text
    if value is None:
        return put(key, "n", 1)
    if value is True or value is False:
        return put(key, "t" if value is True else "u", 1)
    if PyLong_CheckExact(value):
        integer = PyLong_AsLongLongAndOverflow(value, &overflow)
        return not overflow and put(key, "i", 1) and put(key, &integer, sizeof(integer))
    if PyFloat_CheckExact(value):
        number = PyFloat_AS_DOUBLE(value)
        return put(key, "f", 1) and put(key, &number, sizeof(number))
    if PyUnicode_CheckExact(value):
        try:
            text = PyUnicode_AsUTF8AndSize(value, &size)
        except UnicodeEncodeError:  # half a surrogate pair
            return False
        return put_sized(key, c"s", text, size)
    if PyBytes_CheckExact(value):
        return put_sized(key, c"b", PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value))
    if np.PyArray_CheckExact(value):
        return put_array(key, value)
    return put_sequence(key, value, nesting)


cdef inline bint put_array(Key* key, np.ndarray array) except -1:
    """Append shape, dtype and values of a contiguous array of integers or floats."""
    cdef int typenum = np.PyArray_TYPE(array)
    cdef int rank = np.PyArray_NDIM(array)
    if not (np.PyTypeNum_ISINTEGER(typenum) or np.PyTypeNum_ISFLOAT(typenum)):
        return False
    if not (np.PyArray_IS_C_CONTIGUOUS(array) and np.PyArray_ISNOTSWAPPED(array)):
        return False
    return (
        put(key, "a", 1)
        and put(key, &typenum, sizeof(typenum))
        and put_sized(key, c"d", np.PyArray_DIMS(array), rank * sizeof(np.npy_intp))
        and put(key, np.PyArray_DATA(array), np.PyArray_NBYTES(array))
    )


cdef inline bint put_sequence(Key* key, object values, int nesting) except -1:
    """Append a list or a tuple of plain values."""
    cdef Py_ssize_t size, i
    if nesting == MOST_NESTING:
        return False
    if PyTuple_CheckExact(values):
        size = PyTuple_GET_SIZE(values)
    elif PyList_CheckExact(values):
        size = PyList_GET_SIZE(values)
    else:
        return False
    if not (put(key, "(", 1) and put(key, &size, sizeof(size))):
        return False
    for i in range(size):
        if not put_value(key, values[i], nesting + 1):
            return False
    return True
