"""Encoded images ↔ arrays, in memory (`decode`, `encode`) or in files (`read_image`, `write_image`)."""

from imgsvc.codec.camera_data import CameraData, GpsPosition, camera_data, gps_position
from imgsvc.codec.color import FOR_OTHERS, profile_fits
from imgsvc.codec.decode_options import Damaged, DecodeLimits, DecodeOptions
from imgsvc.codec.decoding import Decoded, decode
from imgsvc.codec.encoding import (
    DEFAULT_QUALITIES,
    WITH_EXIF,
    EncodeOptions,
    Metadata,
    Subsampling,
    check_options,
    check_palette,
    encode,
    hides_alpha,
    with_defaults,
)
from imgsvc.codec.files import (
    EncoderOptions,
    Photo,
    check_writable,
    is_image_name,
    read_image,
    write_image,
)
from imgsvc.codec.formats import (
    FORMAT_ALIASES,
    FORMATS,
    Format,
    FormatAlias,
    FormatInfo,
    canonical_format,
    format_named,
    format_of,
    format_of_name,
    formats,
)
from imgsvc.codec.header import Header, read_header, read_metadata, reduced_size
from imgsvc.codec.icc import name_of as profile_name
from imgsvc.codec.rights import Rights, rights_of

__all__ = [
    "DEFAULT_QUALITIES",
    "FORMATS",
    "FORMAT_ALIASES",
    "FOR_OTHERS",
    "WITH_EXIF",
    "CameraData",
    "Damaged",
    "DecodeLimits",
    "DecodeOptions",
    "Decoded",
    "EncodeOptions",
    "EncoderOptions",
    "Format",
    "FormatAlias",
    "FormatInfo",
    "GpsPosition",
    "Header",
    "Metadata",
    "Photo",
    "Rights",
    "Subsampling",
    "camera_data",
    "canonical_format",
    "check_options",
    "check_palette",
    "check_writable",
    "decode",
    "encode",
    "format_named",
    "format_of",
    "format_of_name",
    "formats",
    "gps_position",
    "hides_alpha",
    "is_image_name",
    "profile_fits",
    "profile_name",
    "read_header",
    "read_image",
    "read_metadata",
    "reduced_size",
    "rights_of",
    "with_defaults",
    "write_image",
]
