"""The server's options: from flags and from the environment, checked where they come in."""

import dataclasses

import pytest

from imgsvc.config import ServerConfig
from imgsvc.errors import ConfigurationError
from imgsvc.server.cli import make_parser

MIB = 1 << 20


def test_defaults():
    config = ServerConfig()
    assert config.listens_on_tcp
    assert config.max_message_bytes == 256 * MIB
    assert config.byte_budget == 8 * 256 * MIB
    assert config.num_workers >= 16
    assert config.num_cores >= 1


def test_the_configuration_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        ServerConfig().port = 1


@pytest.mark.parametrize(
    ("variable", "text", "field", "value"),
    [
        ("IMGSVC_CFG_HOST", "0.0.0.0", "host", "0.0.0.0"),
        ("IMGSVC_CFG_PORT", "0", "port", 0),
        ("IMGSVC_CFG_UNIX_SOCKET", "/tmp/s", "unix_socket", "/tmp/s"),
        ("IMGSVC_CFG_MAX_WORKERS", "3", "max_workers", 3),
        ("IMGSVC_CFG_CORES", "2", "cores", 2),
        ("IMGSVC_CFG_MAX_MESSAGE_BYTES", "64MiB", "max_message_bytes", 64 * MIB),
        ("IMGSVC_CFG_MAX_CALLS", "9", "max_calls", 9),
        ("IMGSVC_CFG_MAX_BYTES_IN_FLIGHT", "1gib", "max_bytes_in_flight", 1024 * MIB),
        ("IMGSVC_CFG_MAX_PIXELS", "5000", "max_pixels", 5000),
        ("IMGSVC_CFG_MAX_FRAMES", "7", "max_frames", 7),
        ("IMGSVC_CFG_MAX_STREAMS", "4", "max_streams", 4),
        ("IMGSVC_CFG_PRESETS", "/etc/imgsvc/presets.toml", "presets", "/etc/imgsvc/presets.toml"),
        ("IMGSVC_CFG_BODY_TIMEOUT", "2.5", "body_timeout", 2.5),
        ("IMGSVC_CFG_GRACE", "0", "grace", 0.0),
        ("IMGSVC_CFG_COMPRESSION", "GZIP", "compression", "gzip"),
        ("IMGSVC_CFG_NULL_IMAGE_ERRORS", "yes", "null_image_errors", True),
        ("IMGSVC_CFG_NULL_IMAGE_ERRORS", "0", "null_image_errors", False),
        ("IMGSVC_CFG_LOG_LEVEL", "Debug", "log_level", "debug"),
    ],
)
def test_every_option_is_an_environment_variable_and_a_flag(variable, text, field, value):
    assert ServerConfig.from_environment({variable: text}) == {field: value}
    flag = "--" + field.replace("_", "-")
    arguments = (
        [flag, text] if not isinstance(value, bool) else [flag if value else flag.replace("--", "--no-")]
    )
    assert vars(make_parser().parse_args(arguments)) == {field: value}


def test_the_test_above_names_every_option():
    parametrized = test_every_option_is_an_environment_variable_and_a_flag.pytestmark[0].args[1]
    assert {row[2] for row in parametrized} == {field.name for field in dataclasses.fields(ServerConfig)}


def test_host_name_is_host():
    assert vars(make_parser().parse_args(["--host-name", "h"])) == {"host": "h"}


def test_other_variables_are_not_read():
    environment = {"IMGSVC_SERVER_PORT": "tcp://10.0.0.1:50051", "IMGSVC_PORT": "x", "IMGSVC_CFG_PORT": ""}
    assert ServerConfig.from_environment(environment) == {}


@pytest.mark.parametrize(
    ("variable", "text", "message"),
    [
        ("IMGSVC_CFG_PORT", "70000", "IMGSVC_CFG_PORT: '70000', expected an integer from 0 to 65535"),
        ("IMGSVC_CFG_PORT", "tcp://x", "IMGSVC_CFG_PORT: 'tcp://x', expected an integer from 0 to 65535"),
        ("IMGSVC_CFG_MAX_WORKERS", "0", "IMGSVC_CFG_MAX_WORKERS: '0', expected an integer from 1 to 1024"),
        (
            "IMGSVC_CFG_MAX_MESSAGE_BYTES",
            "4GiB",
            "IMGSVC_CFG_MAX_MESSAGE_BYTES: '4GiB', expected 1024 to 2147483647 bytes, such as 1048576",
        ),
        (
            "IMGSVC_CFG_BODY_TIMEOUT",
            "nan",
            "IMGSVC_CFG_BODY_TIMEOUT: 'nan', expected seconds from 0.1 to 86400",
        ),
        (
            "IMGSVC_CFG_NULL_IMAGE_ERRORS",
            "maybe",
            "IMGSVC_CFG_NULL_IMAGE_ERRORS: 'maybe', expected one of 1, true",
        ),
        (
            "IMGSVC_CFG_COMPRESSION",
            "zip",
            "IMGSVC_CFG_COMPRESSION: 'zip', expected one of none, gzip, deflate",
        ),
        ("IMGSVC_CFG_PROT", "1", "IMGSVC_CFG_PROT: there is no such option; did you mean IMGSVC_CFG_PORT?"),
    ],
)
def test_a_bad_variable_names_itself_the_value_and_the_limit(variable, text, message):
    with pytest.raises(ConfigurationError) as raised:
        ServerConfig.from_environment({variable: text})
    assert str(raised.value).startswith(message)


def test_the_byte_budget_holds_the_largest_request_and_its_answer():
    with pytest.raises(
        ConfigurationError, match=r"^--max-bytes-in-flight: 1048576, expected at least 2097152"
    ):
        ServerConfig(max_message_bytes=MIB, max_bytes_in_flight=MIB)


@pytest.mark.parametrize(
    ("options", "tcp"),
    [
        ({}, True),
        ({"unix_socket": "/s"}, False),
        ({"unix_socket": "/s", "port": 0}, True),
        ({"unix_socket": "/s", "host": "localhost"}, True),
    ],
)
def test_a_unix_socket_stands_instead_of_tcp_unless_both_are_given(options, tcp):
    assert ServerConfig(**options).listens_on_tcp is tcp
