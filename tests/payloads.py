"""What protobuf itself makes of a message with payloads."""

from google.protobuf.message import DecodeError, Message


def replace(message, path, new):
    """Put `new(payload)` in place of each payload that a message has at `path`."""
    name, _, rest = path.partition(".")
    value = {field.name: value for field, value in message.ListFields()}.get(name, [])
    if rest:
        for inner in [value] if isinstance(value, Message) else value:
            replace(inner, rest, new)
    elif isinstance(value, bytes):
        setattr(message, name, new(value))
    else:
        value[:] = [new(payload) for payload in value]


def parse(kind, body):
    """Return what protobuf makes of `body`: a message, or the type of an error."""
    try:
        return kind.FromString(body)
    except (DecodeError, UnicodeDecodeError) as error:  # protobuf in Python has the latter for strings
        return type(error)
