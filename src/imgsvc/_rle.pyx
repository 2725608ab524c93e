# cython: boundscheck=False, wraparound=False
"""The run-length code of BMP files."""

from libc.string cimport memset


def unpack(const unsigned char[::1] code, unsigned char[:, ::1] indices, bint half) -> bool:
    """Write the indices that a code says; return whether it ended with its mark, or with all rows.

    Parameters
    ----------
    code
        Pairs of bytes: how often, and what; or 0, and what is to be done.
    indices
        Of these the code begins with the last row. What it leaves out stays as it is, and what it says of
        places outside is left out.
    half
        Whether two indices share a byte.
    """
    cdef Py_ssize_t size = code.shape[0], height = indices.shape[0], width = indices.shape[1]
    cdef Py_ssize_t at = 0, row = 0, column = 0, count, number, inside
    cdef unsigned char what, index
    with nogil:
        while at + 1 < size and row < height:
            count, what = code[at], code[at + 1]
            at += 2
            if count:
                inside = min(count, width - column)
                if not half:
                    if inside > 0:
                        memset(&indices[height - 1 - row, column], what, inside)
                else:
                    for number in range(inside):
                        indices[height - 1 - row, column + number] = what & 15 if number & 1 else what >> 4
                column = min(column + count, width)
            elif what == 0:
                row += 1
                column = 0
            elif what == 1:
                with gil:
                    return True
            elif what == 2:
                if at + 1 >= size:
                    break
                column = min(column + code[at], width)
                row += code[at + 1]
                at += 2
            else:
                count = what
                if at + ((count + 1) // 2 if half else count) > size:
                    break
                for number in range(count):
                    if not half:
                        index = code[at + number]
                    elif number & 1:
                        index = code[at + number // 2] & 15
                    else:
                        index = code[at + number // 2] >> 4
                    if column < width:
                        indices[height - 1 - row, column] = index
                        column += 1
                at += ((count + 3) // 4 if half else (count + 1) // 2) * 2
    return row >= height
