# cython: boundscheck=False, wraparound=False
"""How much protobuf would make of a message, before it makes anything of it.

An empty message in a message is two bytes on the wire and may be a hundred in memory.
"""

from libc.stdint cimport uint32_t, uint64_t


def extent(const unsigned char[::1] body, dict kind not None, Py_ssize_t most_fields, Py_ssize_t most_bytes):
    """Return the fields of a message, and the bytes of those that are neither messages nor payloads.

    Fields count in all messages below, and so does every number of a list. `kind` says of each tag of a
    length-delimited field what it is: a message, by what it has itself, a list of numbers, by the bytes of
    the shortest, or a payload, by None. All others are bytes. It stops where there is more than is asked
    for, and where protobuf stops, too, because it is no message.
    """
    cdef Py_ssize_t at = 0, end = body.shape[0], fields = 0, num_bytes = 0
    cdef uint64_t tag = 0, value = 0
    cdef int wire_type, groups = 0
    cdef list outer = []
    cdef object field
    while fields <= most_fields and num_bytes <= most_bytes:
        if at >= end:
            if at > end or groups or not outer:
                break
            end, kind = outer.pop()
            continue
        if not read_varint(body, end, &at, &tag):
            break
        fields += 1
        wire_type = tag & 7
        if wire_type == 0:
            if not read_varint(body, end, &at, &value):
                break
        elif wire_type == 1:
            at += 8
        elif wire_type == 5:
            at += 4
        elif wire_type == 3:
            groups += 1
        elif wire_type == 4 and groups:
            groups -= 1
        elif wire_type == 2:
            if not read_varint(body, end, &at, &value) or value > <uint64_t>(end - at):
                break
            field = 0 if groups else kind.get(<uint32_t>tag, 0)  # nobody knows what is in a group
            if isinstance(field, dict):
                outer.append((end, kind))
                end, kind = at + <Py_ssize_t>value, field
                continue
            at += <Py_ssize_t>value
            if field is None:
                continue
            if field:
                fields += <Py_ssize_t>value // <Py_ssize_t>field
            else:
                num_bytes += <Py_ssize_t>value
        else:
            break
    return fields, num_bytes


cdef bint read_varint(
    const unsigned char[::1] body, Py_ssize_t end, Py_ssize_t* at, uint64_t* value
) noexcept:
    """Read a number, as long as one may be, and go behind it; return whether there is one."""
    cdef uint64_t byte
    cdef int shift
    value[0] = 0
    for shift in range(0, 70, 7):
        if at[0] >= end:
            return False
        byte = body[at[0]]
        at[0] += 1
        if shift < 64:
            value[0] |= (byte & 0x7F) << shift
        if byte < 0x80:
            return True
    return False
