"""The server's options: from flags and from the environment, checked where they come in."""

import dataclasses

import pytest

from imgsvc.config import ServerConfig
from imgsvc.errors import ConfigurationError
from imgsvc.server.cli import configure, make_parser
from tests import processes

MIB = 1 << 20


def test_defaults():
    config = ServerConfig()
    assert config.listens_on_tcp
    assert config.max_message_bytes == 256 * MIB
    assert config.byte_budget == 8 * 256 * MIB
    assert config.num_workers >= 12
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
        ("IMGSVC_CFG_MAX_OPERATIONS", "8", "max_operations", 8),
        ("IMGSVC_CFG_MAX_WEIGHTS", "49", "max_weights", 49),
        ("IMGSVC_CFG_MAX_OUTPUT_BYTES", "64MiB", "max_output_bytes", 64 * MIB),
        ("IMGSVC_CFG_MAX_DECODE_BYTES", "3GiB", "max_decode_bytes", 3 << 30),
        ("IMGSVC_CFG_MAX_STREAMS", "4", "max_streams", 4),
        ("IMGSVC_CFG_MAX_STREAM_ITEMS", "5", "max_stream_items", 5),
        ("IMGSVC_CFG_MAX_STREAM_SECONDS", "60", "max_stream_seconds", 60.0),
        ("IMGSVC_CFG_MAX_CONNECTIONS", "50", "max_connections", 50),
        ("IMGSVC_CFG_HANDSHAKE_TIMEOUT", "2", "handshake_timeout", 2.0),
        ("IMGSVC_CFG_MAX_CONNECTION_IDLE", "0", "max_connection_idle", 0.0),
        ("IMGSVC_CFG_MAX_CONNECTION_AGE", "1800", "max_connection_age", 1800.0),
        ("IMGSVC_CFG_MAX_CONNECTION_AGE_GRACE", "30", "max_connection_age_grace", 30.0),
        ("IMGSVC_CFG_KEEPALIVE_TIME", "30", "keepalive_time", 30.0),
        ("IMGSVC_CFG_KEEPALIVE_TIMEOUT", "5", "keepalive_timeout", 5.0),
        ("IMGSVC_CFG_MIN_PING_INTERVAL", "1", "min_ping_interval", 1.0),
        ("IMGSVC_CFG_MAX_QUEUE_SECONDS", "0.25", "max_queue_seconds", 0.25),
        ("IMGSVC_CFG_PRESETS", "/etc/imgsvc/presets.toml", "presets", "/etc/imgsvc/presets.toml"),
        ("IMGSVC_CFG_BODY_TIMEOUT", "2.5", "body_timeout", 2.5),
        ("IMGSVC_CFG_GRACE", "0", "grace", 0.0),
        ("IMGSVC_CFG_DRAIN_DELAY", "5", "drain_delay", 5.0),
        ("IMGSVC_CFG_UNREADY_AFTER", "0", "unready_after", 0.0),
        ("IMGSVC_CFG_READY_AGAIN_AFTER", "30", "ready_again_after", 30.0),
        ("IMGSVC_CFG_COMPRESSION", "GZIP", "compression", "gzip"),
        ("IMGSVC_CFG_NULL_IMAGE_ERRORS", "yes", "null_image_errors", True),
        ("IMGSVC_CFG_NULL_IMAGE_ERRORS", "0", "null_image_errors", False),
        ("IMGSVC_CFG_CACHE", "Memory", "cache", "memory"),
        ("IMGSVC_CFG_CACHE_BYTES", "1GiB", "cache_bytes", 1024 * MIB),
        ("IMGSVC_CFG_CACHE_TTL", "60", "cache_ttl", 60.0),
        ("IMGSVC_CFG_CACHE_WORTH", "0", "cache_worth", 0.0),
        ("IMGSVC_CFG_CACHE_SCOPE", "shared", "cache_scope", "shared"),
        ("IMGSVC_CFG_CACHE_REDIS_URL", "rediss://h:1/2", "cache_redis_url", "rediss://h:1/2"),
        ("IMGSVC_CFG_CACHE_REDIS_URL_FILE", "/run/url", "cache_redis_url_file", "/run/url"),
        ("IMGSVC_CFG_CACHE_REDIS_PREFIX", "a:", "cache_redis_prefix", "a:"),
        ("IMGSVC_CFG_CACHE_REDIS_TIMEOUT", "0.5", "cache_redis_timeout", 0.5),
        ("IMGSVC_CFG_LOG_LEVEL", "Debug", "log_level", "debug"),
        ("IMGSVC_CFG_LOG_FORMAT", "JSON", "log_format", "json"),
        ("IMGSVC_CFG_ACCESS_LOG", "no", "access_log", False),
        ("IMGSVC_CFG_METRICS_PORT", "9464", "metrics_port", 9464),
        ("IMGSVC_CFG_METRICS_HOST", "::", "metrics_host", "::"),
        ("IMGSVC_CFG_OTLP_ENDPOINT", "localhost:4317", "otlp_endpoint", "localhost:4317"),
        ("IMGSVC_CFG_OTLP_INSECURE", "yes", "otlp_insecure", True),
        ("IMGSVC_CFG_TRACE_RATIO", "0.25", "trace_ratio", 0.25),
        ("IMGSVC_CFG_CAPTURE_BAD_REQUESTS", "/var/bad", "capture_bad_requests", "/var/bad"),
        ("IMGSVC_CFG_CAPTURE_MAX_FILES", "7", "capture_max_files", 7),
        ("IMGSVC_CFG_CAPTURE_MAX_BYTES", "1MiB", "capture_max_bytes", MIB),
        ("IMGSVC_CFG_CAPTURE_PIXELS", "no", "capture_pixels", False),
        ("IMGSVC_CFG_UNIX_SOCKET_MODE", "660", "unix_socket_mode", "0660"),
        ("IMGSVC_CFG_TLS_CERT", "/c.pem", "tls_cert", "/c.pem"),
        ("IMGSVC_CFG_TLS_KEY", "/k.pem", "tls_key", "/k.pem"),
        ("IMGSVC_CFG_TLS_CLIENT_CA", "/ca.pem", "tls_client_ca", "/ca.pem"),
        ("IMGSVC_CFG_CALLERS", "/etc/imgsvc/callers.toml", "callers", "/etc/imgsvc/callers.toml"),
        ("IMGSVC_CFG_HEALTH_NEEDS_KEY", "1", "health_needs_key", True),
        ("IMGSVC_CFG_REFLECTION", "off", "reflection", False),
        ("IMGSVC_CFG_ALLOW_GPS", "true", "allow_gps", True),
        ("IMGSVC_CFG_TRUSTED_PROXIES", "10.0.0.0/8", "trusted_proxies", "10.0.0.0/8"),
        ("IMGSVC_CFG_REQUIRE_TLS", "on", "require_tls", True),
    ],
)
def test_every_option_is_an_environment_variable_a_key_and_a_flag(tmp_path, variable, text, field, value):
    file = tmp_path / "imgsvc.toml"
    file.write_text(f"{field} = {text!r}\n")
    assert ServerConfig.from_file(file) == {field: value}
    assert ServerConfig.from_environment({variable: text}) == {field: value}
    flag = "--" + field.replace("_", "-")
    arguments = (
        [flag, text] if not isinstance(value, bool) else [flag if value else flag.replace("--", "--no-")]
    )
    assert vars(make_parser().parse_args(arguments)) == {field: value}


def test_the_test_above_names_every_option():
    parametrized = test_every_option_is_an_environment_variable_a_key_and_a_flag.pytestmark[0].args[1]
    assert {row[2] for row in parametrized} == {field.name for field in dataclasses.fields(ServerConfig)}


def test_a_flag_wins_over_the_environment_and_that_over_the_file(tmp_path):
    file = tmp_path / "imgsvc.toml"
    file.write_text("max_calls = 3\nmax_frames = 3\nmax_streams = 3\n")
    environment = {"IMGSVC_CFG_MAX_CALLS": "4", "IMGSVC_CFG_MAX_FRAMES": "4", "IMGSVC_CFG_CONFIG": "/none"}
    config = configure({"config": str(file), "max_calls": 5}, environment)
    assert (config.max_calls, config.max_frames, config.max_streams) == (5, 4, 3)
    assert configure({}, {"IMGSVC_CFG_CONFIG": str(file)}).max_calls == 3


def test_a_file_has_numbers_sizes_and_switches(tmp_path):
    file = tmp_path / "imgsvc.toml"
    file.write_text(
        'port = 0\nbody_timeout = 2.5\nmax_message_bytes = "64MiB"\nnull_image_errors = true\nhost = "é"\n',
        encoding="utf-8",
    )
    assert ServerConfig.from_file(file) == {
        "port": 0,
        "body_timeout": 2.5,
        "max_message_bytes": 64 * MIB,
        "null_image_errors": True,
        "host": "é",
    }


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("max_cals = 3", "max_cals: there is no such option; did you mean max_calls?"),
        ("config = 'x'", "config: there is no such option"),
        ("port = 70000", "port: '70000', expected an integer from 0 to 65535"),
        ("port = true", "port: 'true', expected an integer from 0 to 65535"),
        ("null_image_errors = 7", "null_image_errors: '7', expected one of 1, true"),
        ("port = [1]", "port: [1], expected a string, a number, true or false"),
        ("[limits]\nport = 1", "limits: there is no such option"),
        ("port = ", "Invalid value (at end of document)"),
        ("port = 1\nport = 2", "Cannot overwrite a value (at "),
        ("\xff", "'utf-8' codec can't decode byte 0xff in position 0: invalid start byte"),
        ("#" * (1 << 20) + "#", "more than 1048576 bytes, expected a configuration"),
    ],
)
def test_a_bad_file_names_itself_the_key_the_value_and_the_limit(tmp_path, content, message):
    file = tmp_path / "imgsvc.toml"
    file.write_bytes(content.encode("latin-1"))
    with pytest.raises(ConfigurationError) as raised:
        ServerConfig.from_file(file)
    assert str(raised.value).startswith(f"{file}: {message}")


def test_the_server_reads_its_file_and_prints_what_it_would_do(tmp_path):
    file = tmp_path / "imgsvc.toml"
    file.write_text("max_calls = 7\n")
    printed = processes.run("imgsvc-server", "--config", file, "--port", "0", "--print-config")
    assert (printed.returncode, printed.stderr) == (0, "")
    assert {"max_calls = 7", "port = 0", 'log_level = "info"', "# host: by itself"} <= set(
        printed.stdout.splitlines()
    )
    again = tmp_path / "again.toml"
    again.write_text(printed.stdout)
    assert ServerConfig(**ServerConfig.from_file(again)) == ServerConfig(max_calls=7, port=0)
    file.write_text("max_cals = 7\n")
    wrong = processes.run("imgsvc-server", "--config", file)
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert wrong.stderr == (
        f"imgsvc-server: {file}: max_cals: there is no such option; did you mean max_calls?\n"
    )
    missing = processes.run("imgsvc-server", IMGSVC_CFG_CONFIG=str(tmp_path / "none.toml"))
    assert missing.stderr == f"imgsvc-server: {tmp_path / 'none.toml'}: No such file or directory\n"


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
