"""What the server tells of itself."""

from unittest import mock

from imgsvc.codec import formats
from imgsvc.config import ServerConfig
from imgsvc.operations import OPERATIONS
from imgsvc.recipes.limits import Limits
from imgsvc.recipes.prediction import Prediction
from imgsvc.runtime.cores import AT_ONCE_BYTES, Cores, Job
from imgsvc.server.reports import Reports
from imgsvc.v1 import image_service_pb2
from imgsvc.v1.image_pb2 import FORMAT_JPEG, FORMAT_WEBP
from tests import rpc, v1
from tests.codec.encoded import by_pillow, exif


def test_operations(server):
    answer = rpc.call(server, v1.LIST_OPERATIONS, b"")
    operations = image_service_pb2.ListOperationsResponse.FromString(answer).operations
    assert [each.name for each in operations] == sorted(OPERATIONS)
    resize = next(each for each in operations if each.name == "resize")
    assert resize.summary == "The image in another size"
    assert [(each.name, each.type, each.required, each.default_text) for each in resize.parameters] == [
        ("width", "int | None", False, ""),
        ("height", "int | None", False, ""),
        ("resample", "str", False, "bilinear"),
        ("alpha", "str", False, "weighted"),
        ("fit", "str", False, "fill"),
        ("position", "str | tuple[float, float]", False, "center"),
        ("enlarge", "bool", False, "true"),
        ("background", "float | str | tuple[float, ...]", False, "0"),
        ("scale", "float | None", False, ""),
    ]
    named = {"border", "dtype", "alpha"}
    words = [each.type for every in operations for each in every.parameters if each.name in named]
    assert words == ["str"] * 16
    crop = next(each for each in operations if each.name == "crop")
    assert [each.name for each in crop.parameters if each.required] == ["width", "height"]


def test_the_server(serve):
    server = serve("--port", "0", "--cores", "1", "--max-pixels", "12345")
    info = image_service_pb2.GetServerInfoResponse.FromString(rpc.call(server, v1.INFO, b""))
    assert info.cores == 1
    assert info.limits["max_pixels"] == 12345
    assert info.isa in {"baseline", "x86-64-v3"}
    assert len(info.formats) == len(formats())
    assert {"pillow", "numpy", "grpcio"} <= set(info.libraries)
    assert list(info.decoding) == ["depth", "colors", "frames", "shrink_on_load", "damaged", "auto_orient"]
    assert {"quality", "palette", "subsampling"} < set(info.encoding)


def test_presets(serve, tmp_path, photo):
    path = tmp_path / "presets.toml"
    path.write_text(
        '[thumbnail]\npipeline = "resize width=16 | invert"\nformat = "webp"\nquality = 70\n'
        '[upload]\npipeline = ""\nformat = "jpg"\nsubsampling = "4:4:4"\nauto_orient = false\n'
    )
    server = serve("--port", "0", "--presets", str(path))
    info = image_service_pb2.GetServerInfoResponse.FromString(rpc.call(server, v1.INFO, b""))
    assert [(each.name, each.text, each.format) for each in info.presets] == [
        ("thumbnail", "resize width=16 | invert", FORMAT_WEBP), ("upload", "", FORMAT_JPEG)
    ]  # fmt: skip
    answer = v1.process(server, v1.request(v1.pixels(photo), preset="thumbnail"))
    image = v1.opened(answer.results[0].image.encoded.data)
    assert (image.format, image.size) == ("WEBP", (16, 24))
    turned = by_pillow(photo, "PNG", exif=exif(6))
    answer = v1.process(server, v1.request(v1.file(turned), preset="upload"))
    image = v1.opened(answer.results[0].image.encoded.data)
    assert (image.format, image.size, image.layer[0][1:3]) == ("JPEG", photo.shape[1::-1], (1, 1))


def test_a_plan_takes_its_turn_on_a_core():
    cores, job = Cores(1), Job()
    used = []

    def compute(function, num_bytes, most=None):
        assert num_bytes > AT_ONCE_BYTES
        return cores.run(lambda count: (used.append(cores.in_use), function(count))[1], num_bytes, job, most)

    request = image_service_pb2.PlanRequest(image={"pixels": {"width": 4, "height": 3}})
    call = mock.Mock(compute=compute)
    body = Reports(ServerConfig(), Limits(), {}, Prediction()).plan(request.SerializeToString(), call)
    assert image_service_pb2.PlanResponse.FromString(body).outputs[0].image.width == 4
    assert used == [1]
    assert job.core_seconds > 0
