"""Messages on the wire: one pass that counts them and finds their payloads; and the bytes of new ones.

The bytes come from strangers. No length is used before it was compared, as an unsigned number of 64 bits,
with what is left of the message that it stands in.
"""

from cpython.buffer cimport PyBuffer_FillInfo
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.mem cimport PyMem_Free, PyMem_Malloc, PyMem_Realloc
from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcpy, memset

PAYLOAD = -1
MESSAGE = -2
PLACEHOLDER_BYTES = 4

cdef enum:
    IS_BYTES = 0
    IS_PAYLOAD = -1
    IS_MESSAGE = -2
    PLACEHOLDER = 4
    MOST_PLACES = 1 << 16  # two MiB of them; a batch of ten thousand images has fewer
    FIRST_PLACES = 16
    # As deep as protobuf goes, and a little more: what is deeper is no message.
    MOST_FRAMES = 128
    VARINT = 0
    FIXED64 = 1
    DELIMITED = 2
    START_GROUP = 3
    END_GROUP = 4
    FIXED32 = 5

cdef uint64_t MOST_BYTES = 1 << 40  # of a layout, so that no sum of sizes overflows


cdef struct Field:
    uint32_t tag
    int role
    Py_ssize_t kind


cdef struct Kind:
    Py_ssize_t first
    Py_ssize_t end
    bint payloads  # whether it has any, or a message in it has


# A length that is written anew: that of a payload, or that of a message around one.
cdef struct Place:
    Py_ssize_t length_at
    Py_ssize_t start
    Py_ssize_t end
    Py_ssize_t new_size
    Py_ssize_t index  # of a payload; -1 for a message


# A message that is being walked through.
cdef struct Frame:
    Py_ssize_t end
    Py_ssize_t kind
    Py_ssize_t place  # -1 where there are no payloads below
    Py_ssize_t change  # how much longer it gets


cdef class Schema:
    """What messages of a kind have, and the messages in them.

    Parameters
    ----------
    kinds
        For each kind of message a list of its length-delimited fields, the message's own kind first. A field
        is its tag, what it is, and the number of its kind. It is `MESSAGE`, `PAYLOAD`, or a list of numbers,
        which is said by the bytes of the shortest. Those that are not listed are other bytes.
    """

    cdef Field* fields
    cdef Kind* kinds

    def __cinit__(self, list kinds not None):
        cdef Py_ssize_t at = 0, number
        cdef Kind* kind
        self.fields = <Field*>PyMem_Malloc(max(sum(map(len, kinds)), 1) * sizeof(Field))
        self.kinds = <Kind*>PyMem_Malloc(len(kinds) * sizeof(Kind))
        if not self.fields or not self.kinds or not kinds:
            raise MemoryError
        for number, listed in enumerate(kinds):
            kind = self.kinds + number
            kind.first, kind.payloads = at, False
            for tag, role, inner in sorted(listed):
                if not 0 <= inner < len(kinds):
                    raise IndexError(inner)
                self.fields[at] = Field(tag, role, inner)
                kind.payloads |= role == PAYLOAD
                at += 1
            kind.end = at
        for _ in range(len(kinds)):  # from the innermost outwards
            for number in range(len(kinds)):
                kind = self.kinds + number
                for at in range(kind.first, kind.end):
                    if self.fields[at].role == IS_MESSAGE and self.kinds[self.fields[at].kind].payloads:
                        kind.payloads = True

    def __dealloc__(self):
        PyMem_Free(self.fields)
        PyMem_Free(self.kinds)

    cdef Field find(self, Py_ssize_t kind, uint64_t tag) noexcept:
        """Return what stands under a tag; other bytes, where nothing is listed."""
        cdef Py_ssize_t at
        for at in range(self.kinds[kind].first, self.kinds[kind].end):
            if self.fields[at].tag >= tag:
                if self.fields[at].tag == tag:
                    return self.fields[at]
                break
        return Field(0, IS_BYTES, 0)


cdef class Walk:
    """One way through a message: its fields and other bytes are counted, its places noted."""

    cdef const unsigned char* body
    cdef Py_ssize_t size
    cdef Py_ssize_t num_fields, num_bytes, num_payloads, new_size
    cdef Place* places
    cdef Py_ssize_t num_places, room
    cdef object sizes  # of payloads, by their placeholders; None: a placeholder's
    cdef Py_ssize_t most_places
    cdef uint64_t total

    def __cinit__(self, bytes body not None, sizes=None):
        self.body = <const unsigned char*>PyBytes_AS_STRING(body)
        self.size = len(body)
        self.sizes = sizes
        self.most_places = MOST_PLACES if sizes is None else self.size

    def __dealloc__(self):
        PyMem_Free(self.places)

    cdef bint run(self, Schema schema, Py_ssize_t most_fields, Py_ssize_t most_bytes) except -1:
        """Note the places of a message; return whether it is an ordinary one of no more than the most."""
        cdef Frame frames[MOST_FRAMES]
        cdef Frame* frame = frames
        cdef Place* place
        cdef Field field
        cdef Py_ssize_t at = 0, length_at
        cdef uint64_t tag = 0, value = 0
        cdef int depth = 0, wire_type
        frames[0] = Frame(self.size, 0, -1, 0)
        while True:
            while at == frame.end:
                if depth == 0:
                    self.new_size = self.size + frame.change
                    return True
                depth -= 1
                frames[depth].change += frame.change
                if frame.place >= 0:
                    place = self.places + frame.place
                    place.new_size = place.end - place.start + frame.change
                    frames[depth].change += varint_size(place.new_size) - (place.start - place.length_at)
                frame = frames + depth
            if not read_short(self.body, frame.end, &at, &tag) or tag < 8:
                return False
            self.num_fields += 1
            wire_type = tag & 7
            if wire_type == DELIMITED:
                length_at = at
                if not read_short(self.body, frame.end, &at, &value):
                    return False
                if value > <uint64_t>(frame.end - at):
                    return False
                field = schema.find(frame.kind, tag)
                if field.role == IS_MESSAGE:
                    if value:
                        depth += 1
                        if depth == MOST_FRAMES:
                            return False
                        frames[depth] = Frame(at + <Py_ssize_t>value, field.kind, -1, 0)
                        frame = frames + depth
                        if schema.kinds[field.kind].payloads:
                            if self.num_places == self.most_places:
                                return False
                            frame.place = self.num_places
                            self.note(Place(length_at, at, frame.end, 0, -1))
                else:
                    if field.role == IS_PAYLOAD:
                        if value:
                            if self.num_places == self.most_places:
                                return False
                            frame.change += self.payload(length_at, at, <Py_ssize_t>value)
                    elif field.role > 0:
                        self.num_fields += <Py_ssize_t>(value // <uint64_t>field.role)
                    else:
                        self.num_bytes += <Py_ssize_t>value
                    at += <Py_ssize_t>value
            elif wire_type == VARINT:
                if not read_varint(self.body, frame.end, &at, &value):
                    return False
            elif wire_type == FIXED32 or wire_type == FIXED64:
                value = 4 if wire_type == FIXED32 else 8
                if value > <uint64_t>(frame.end - at):
                    return False
                at += <Py_ssize_t>value
            else:  # a group, or nothing that exists
                return False
            if self.num_fields > most_fields or self.num_bytes > most_bytes:
                return False

    cdef Py_ssize_t payload(self, Py_ssize_t length_at, Py_ssize_t start, Py_ssize_t size) except? -1:
        """Note a payload; return how many bytes more its message gets by it."""
        cdef Py_ssize_t index = self.num_payloads, new_size = PLACEHOLDER
        cdef object given
        if self.sizes is not None:
            given = int.from_bytes((<const char*>self.body + start)[:size], "little")
            if given >= len(self.sizes):  # indices are not checked in compiled code
                raise IndexError(f"payload {given} of {len(self.sizes)}")
            index = <Py_ssize_t>given
            given = self.sizes[index]
            if not 0 <= given <= MOST_BYTES - self.total:
                raise ValueError(f"a payload of {given} bytes")
            self.total += <uint64_t>given
            new_size = <Py_ssize_t>given
        self.num_payloads += 1
        self.note(Place(length_at, start, start + size, new_size, index))
        return new_size - size + varint_size(new_size) - (start - length_at)

    cdef int note(self, Place place) except -1:
        cdef Place* more
        if self.num_places == self.room:
            self.room = 2 * self.room or FIRST_PLACES
            more = <Place*>PyMem_Realloc(self.places, self.room * sizeof(Place))
            if not more:
                raise MemoryError
            self.places = more
        self.places[self.num_places] = place
        self.num_places += 1
        return 0


def extent(bytes body not None, Schema schema not None, Py_ssize_t most_fields, Py_ssize_t most_bytes):
    """Return the fields of any message, and the bytes of those that are neither messages nor payloads.

    Fields count in all messages below, and so does every number of a list. It stops where there is more than
    is asked for, and where protobuf stops, too, because it is no message. For what `split` leaves alone: here
    a group is passed over, and numbers may be as long as protobuf takes them.
    """
    cdef const unsigned char* content = <const unsigned char*>PyBytes_AS_STRING(body)
    cdef Frame frames[MOST_FRAMES]
    cdef Field field
    cdef Py_ssize_t at = 0, end = len(body), kind = 0, fields = 0, num_bytes = 0
    cdef uint64_t tag = 0, value = 0
    cdef int depth = 0, wire_type, groups = 0
    while fields <= most_fields and num_bytes <= most_bytes:
        if at == end:
            if groups or depth == 0:
                break
            depth -= 1
            end, kind = frames[depth].end, frames[depth].kind
            continue
        if not read_varint(content, end, &at, &tag):
            break
        fields += 1
        wire_type = tag & 7
        if wire_type == VARINT:
            if not read_varint(content, end, &at, &value):
                break
        elif wire_type == FIXED32 or wire_type == FIXED64:
            value = 4 if wire_type == FIXED32 else 8
            if value > <uint64_t>(end - at):
                break
            at += <Py_ssize_t>value
        elif wire_type == START_GROUP:
            groups += 1
        elif wire_type == END_GROUP and groups:
            groups -= 1
        elif wire_type == DELIMITED:
            if not read_varint(content, end, &at, &value) or value > <uint64_t>(end - at):
                break
            # Nobody knows what is in a group.
            field = Field(0, IS_BYTES, 0) if groups else schema.find(kind, <uint32_t>tag)
            if field.role == IS_MESSAGE:
                if depth == MOST_FRAMES:
                    break
                frames[depth] = Frame(end, kind, -1, 0)
                depth += 1
                end, kind = at + <Py_ssize_t>value, field.kind
                continue
            at += <Py_ssize_t>value
            if field.role > 0:
                fields += <Py_ssize_t>(value // <uint64_t>field.role)
            elif field.role != IS_PAYLOAD:
                num_bytes += <Py_ssize_t>value
        else:
            break
    return fields, num_bytes


def split(bytes body not None, Schema schema not None, Py_ssize_t most_fields, Py_ssize_t most_bytes):
    """Return a message with placeholders for its payloads, and these as views of it, in their order.

    A placeholder is four bytes, the payload's number; lengths around it are corrected. None for a message of
    more than so many fields or other bytes, see `extent`, for one that is unusual (groups, tags and lengths
    in more bytes than they need, messages too deep in others, too many payloads), and for what is no message.
    """
    cdef Walk walk = Walk(body)
    cdef Py_ssize_t number
    cdef bytes header
    cdef object whole
    cdef list views = []
    if not walk.run(schema, most_fields, most_bytes):
        return None
    if not walk.num_payloads:
        return body, views
    header = PyBytes_FromStringAndSize(NULL, walk.new_size)
    write(walk, <unsigned char*>PyBytes_AS_STRING(header), None)
    whole = memoryview(body)
    for number in range(walk.num_places):
        if walk.places[number].index >= 0:
            views.append(whole[walk.places[number].start:walk.places[number].end])
    return header, views


def delimiter(uint32_t number, uint64_t size):
    """Return what goes before a field of so many bytes: its number, kind and size."""
    cdef unsigned char content[20]
    cdef unsigned char* end = write_varint(content, <uint64_t>number << 3 | DELIMITED)
    end = write_varint(end, size)
    return PyBytes_FromStringAndSize(<char*>content, end - content)


cdef class Layout:
    """Where in a message the bytes lie that are known already, and where the rooms of payloads.

    Parameters
    ----------
    header
        The message, with placeholders for its payloads.
    schema
        Its kind.
    sizes
        The bytes of each payload.

    Raises
    ------
    ValueError
        It is no ordinary message, or a size is none.
    IndexError
        There are more payloads than sizes.
    """

    cdef readonly Py_ssize_t size
    cdef bytes known  # the message without payloads
    cdef list gaps  # payloads as they come: start, size
    cdef list rooms  # by their numbers: start, end

    def __cinit__(self, bytes header=None, Schema schema=None, sizes=()):
        cdef Walk walk
        if header is None:  # of `around`
            return
        walk = Walk(header, sizes)
        if not walk.run(schema, len(header), len(header)):
            raise ValueError("no ordinary message")
        self.size = walk.new_size
        self.known = PyBytes_FromStringAndSize(NULL, walk.new_size - <Py_ssize_t>walk.total)
        self.gaps = []
        self.rooms = [(0, 0)] * len(sizes)
        write(walk, <unsigned char*>PyBytes_AS_STRING(self.known), self)

    def around(self, bytes prefix not None):
        """Return the layout of the same message with bytes before it."""
        cdef Layout layout = Layout()
        cdef Py_ssize_t more = len(prefix)
        layout.size = more + self.size
        layout.known = prefix + self.known
        layout.gaps = [(start + more, size) for start, size in self.gaps]
        layout.rooms = [(start + more, end + more) if end else (0, 0) for start, end in self.rooms]
        return layout

    def zeros(self):
        """Return the message with zeros for its payloads."""
        cdef bytes content = PyBytes_FromStringAndSize(NULL, self.size)
        memset(PyBytes_AS_STRING(content), 0, self.size)
        self.fill(PyBytes_AS_STRING(content))
        return content

    cdef void fill(self, char* content):
        """Write what is known."""
        cdef const char* known = PyBytes_AS_STRING(self.known)
        cdef Py_ssize_t at = 0, start, size
        for start, size in self.gaps:
            memcpy(content + at, known, start - at)
            known += start - at
            at = start + size
        memcpy(content + at, known, self.size - at)


cdef class Draft:
    """The bytes of a message whose payloads are still to be written, every byte of them, into `payloads`.

    gRPC sends nothing but `bytes`. Filling one in place saves the copy that any other buffer costs.
    """

    cdef bytes content
    cdef list rooms

    def __cinit__(self, Layout layout not None):
        self.content = PyBytes_FromStringAndSize(NULL, layout.size)
        self.rooms = layout.rooms
        layout.fill(PyBytes_AS_STRING(self.content))

    def __getbuffer__(self, Py_buffer* buffer, int flags):
        PyBuffer_FillInfo(buffer, self, PyBytes_AS_STRING(self.content), len(self.content), 0, flags)

    @property
    def payloads(self):
        """Where to write each of them: writable memoryviews."""
        whole = memoryview(self)
        return [whole[start:end] for start, end in self.rooms]

    def finish(self):
        """Return the message. From now on nobody writes: bytes never change, and so are shared."""
        return self.content


cdef int write(Walk walk, unsigned char* to, Layout layout) except -1:
    """Write a message anew: with placeholders, or, for a layout, without them and with its rooms noted."""
    cdef Place* place
    cdef unsigned char* begin = to
    cdef Py_ssize_t number, kept = 0, start, left_out = 0
    cdef uint32_t index
    cdef int byte
    for number in range(walk.num_places):
        place = walk.places + number
        memcpy(to, walk.body + kept, place.length_at - kept)
        to += place.length_at - kept
        to = write_varint(to, place.new_size)
        kept = place.start
        if place.index < 0:
            continue
        kept = place.end
        if layout is None:
            index = <uint32_t>place.index
            for byte in range(PLACEHOLDER):
                to[byte] = index >> 8 * byte & 0xFF
            to += PLACEHOLDER
        else:
            start = to - begin + left_out
            left_out += place.new_size
            layout.gaps.append((start, place.new_size))
            layout.rooms[place.index] = start, start + place.new_size
    memcpy(to, walk.body + kept, walk.size - kept)
    return 0


cdef unsigned char* write_varint(unsigned char* to, uint64_t value) noexcept:
    while value >= 0x80:
        to[0] = value & 0x7F | 0x80
        value >>= 7
        to += 1
    to[0] = <unsigned char>value
    return to + 1


cdef int varint_size(uint64_t value) noexcept:
    cdef int size = 1
    while value >= 0x80:
        value >>= 7
        size += 1
    return size


cdef bint read_short(
    const unsigned char* body, Py_ssize_t end, Py_ssize_t* at, uint64_t* value
) noexcept:
    """Read a tag or a length, go behind it; return whether there is one, of 32 bits, as short as can be."""
    cdef Py_ssize_t start = at[0]
    if start < end and body[start] < 0x80:  # as nearly always
        value[0] = body[start]
        at[0] = start + 1
        return True
    if not read_varint(body, end, at, value):
        return False
    return value[0] >> 32 == 0 and at[0] - start == varint_size(value[0])


cdef bint read_varint(
    const unsigned char* body, Py_ssize_t end, Py_ssize_t* at, uint64_t* value
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
