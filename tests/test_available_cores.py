"""The cores a process may use: affinity, and the quotas of cgroup v1 and v2 read from trees of files."""

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imgsvc import _available_cores

V1 = "32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime shared:9 - cgroup cgroup rw,cpu"
V2 = "41 31 0:38 / /sys/fs/cgroup rw,nosuid shared:4 master:1 - cgroup2 cgroup2 rw,nsdelegate"
V2_HYBRID = "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw"
OTHERS = (
    "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n33 31 0:30 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset"
)


def cpu_max(directory, text):
    return {f"{directory}/cpu.max": text}


def cfs(directory, quota, period="100000\n"):
    return {f"{directory}/cpu.cfs_quota_us": quota, f"{directory}/cpu.cfs_period_us": period}


def quota(tmp_path, mountinfo, cgroup, *files):
    """Return the quota on a machine of these files; a file is a dict of its path and content."""
    proc = {"/proc/self/mountinfo": f"{OTHERS}\n{mountinfo}\n", "/proc/self/cgroup": f"{cgroup}\n"}
    for path, text in [pair for part in (proc, *files) for pair in part.items()]:
        target = Path(f"{tmp_path}{path}")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text if isinstance(text, bytes) else os.fsencode(text))
    return _available_cores.cgroup_quota(tmp_path)


class TestVersion2:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [("max 100000\n", None), ("150000 100000\n", 1.5), ("1000 100000\n", 0.01), ("400000 50000", 8.0)],
    )
    def test_quota(self, tmp_path, text, expected):
        assert quota(tmp_path, V2, "0::/app", cpu_max("/sys/fs/cgroup/app", text)) == expected

    @pytest.mark.parametrize(("inner", "outer"), [("3", "2"), ("2", "3"), ("max", "2"), ("2", "max")])
    def test_the_least_of_the_ancestors_counts(self, tmp_path, inner, outer):
        files = cpu_max("/sys/fs/cgroup/a/b/c", f"{inner} 1"), cpu_max("/sys/fs/cgroup/a", f"{outer} 1")
        assert quota(tmp_path, V2, "0::/a/b/c", *files) == 2

    def test_siblings_and_children_do_not_count(self, tmp_path):
        files = cpu_max("/sys/fs/cgroup/a/b", "1 1"), cpu_max("/sys/fs/cgroup/c", "1 1")
        assert quota(tmp_path, V2, "0::/a", *files, cpu_max("/sys/fs/cgroup/a", "4 1")) == 4

    @pytest.mark.skipif(sys.platform != "linux", reason="only Linux takes any bytes for a file's name")
    def test_a_path_may_hold_colons_and_any_bytes(self, tmp_path):
        name = os.fsdecode(b"a:b \xff\xc2\x85c")
        mountinfo = r"41 31 0:38 / /my\040cgroups\134 rw - cgroup2 none rw"
        assert quota(tmp_path, mountinfo, f"0::/{name}", cpu_max(f"/my cgroups\\/{name}", "2 1")) == 2


class TestVersion1:
    @pytest.mark.parametrize(("text", "expected"), [("-1\n", None), ("250000\n", 2.5)])
    @pytest.mark.parametrize("controllers", ["cpu", "cpu,cpuacct", "cpuacct,cpu"])
    def test_quota(self, tmp_path, controllers, text, expected):
        point = f"/sys/fs/cgroup/{controllers}"
        mountinfo = f"32 31 0:29 / {point} rw - cgroup cgroup rw,{controllers}"
        assert quota(tmp_path, mountinfo, f"4:{controllers}:/app", cfs(f"{point}/app", text)) == expected

    def test_periods_are_those_of_each_level(self, tmp_path):
        files = cfs("/sys/fs/cgroup/cpu/a/b", "300000"), cfs("/sys/fs/cgroup/cpu/a", "50000", "25000")
        assert quota(tmp_path, V1, "1:cpu:/a/b", *files) == 2

    def test_other_controllers_do_not_count(self, tmp_path):
        files = cfs("/sys/fs/cgroup/cpuset/app", "100000"), cfs("/sys/fs/cgroup/cpu/app", "100000")
        assert quota(tmp_path, V1, "3:cpuset,cpuacct:/app\n1:name=cpu:/app", *files) is None

    @pytest.mark.parametrize(("old", "new"), [("3", "2"), ("2", "3"), ("2", None), (None, "2")])
    def test_hybrid(self, tmp_path, old, new):
        files = []
        if old:
            files.append(cfs("/sys/fs/cgroup/cpu/app", old, "1"))
        if new:
            files.append(cpu_max("/sys/fs/cgroup/unified/slice", f"{new} 1"))
        assert quota(tmp_path, f"{V2_HYBRID}\n{V1}", "1:cpu:/app\n0::/slice", *files) == 2


class TestContainers:
    OWN = "32 31 0:29 /docker/4f {} ro - cgroup cgroup rw,cpu"
    POINT = "/sys/fs/cgroup/cpu"

    def test_own_cgroup_at_the_mount_point(self, tmp_path):
        files = cfs(self.POINT, "200000")
        assert quota(tmp_path, self.OWN.format(self.POINT), "1:cpu:/docker/4f", files) == 2

    def test_a_child_of_it(self, tmp_path):
        files = cfs(self.POINT, "200000"), cfs(f"{self.POINT}/child", "100000")
        assert quota(tmp_path, self.OWN.format(self.POINT), "1:cpu:/docker/4f/child", *files) == 1

    @pytest.mark.parametrize("path", ["/", "/docker/4f0", "/elsewhere", "/../4f"])
    def test_a_path_above_or_beside_the_mount(self, tmp_path, path):
        """A name that only begins like the mount's root is another."""
        files = cfs(self.POINT, "200000"), cfs(f"{self.POINT}/0", "100000")
        assert quota(tmp_path, self.OWN.format(self.POINT), f"1:cpu:{path}", *files) == 2

    def test_a_path_of_the_host_that_is_not_visible(self, tmp_path):
        assert quota(tmp_path, V2, "0::/kubepods/pod1/4f", cpu_max("/sys/fs/cgroup", "2 1")) == 2

    def test_dots_do_not_lead_out_of_the_mount(self, tmp_path):
        files = cpu_max("/sys/fs/cgroup", "2 1"), cpu_max("/sys/fs/sibling", "1 1")
        assert quota(tmp_path, V2, "0::/../sibling", *files) == 2

    @pytest.mark.parametrize("own_first", [True, False])
    def test_the_mount_of_another_container_does_not_count(self, tmp_path, own_first):
        mounts = [V1, self.OWN.format("/other")]
        files = cfs("/other", "100000"), cfs(f"{self.POINT}/app", "200000")
        mountinfo = "\n".join(mounts if own_first else mounts[::-1])
        assert quota(tmp_path, mountinfo, "1:cpu:/app", *files) == 2


class TestGarbage:
    NOT_DECIMAL = ("x y", "1.5 1", "nan 1", "inf 1", "1 1 1", b"\xff\xfe 1")
    NOT_POSITIVE = ("0 100000", "-1 100000", "100000 0", "100000 -5")
    TOO_LARGE = (f"{'9' * 400} 1", f"{'9' * 5000} 1")

    @pytest.mark.parametrize(
        "text",
        ["", "\n", "max", "100000", *NOT_DECIMAL, *NOT_POSITIVE, *TOO_LARGE],
        ids=lambda text: text[:9],
    )
    def test_cpu_max(self, tmp_path, text):
        """The ancestor still counts."""
        files = cpu_max("/sys/fs/cgroup/app", text), cpu_max("/sys/fs/cgroup", "3 1")
        assert quota(tmp_path, V2, "0::/app", *files) == 3

    @pytest.mark.parametrize(
        ("numerator", "denominator"),
        [("", "1"), ("1", ""), ("0", "1"), ("1", "0"), ("1", "-1"), ("max", "1")],
    )
    def test_cfs(self, tmp_path, numerator, denominator):
        assert quota(tmp_path, V1, "1:cpu:/", cfs("/sys/fs/cgroup/cpu", numerator, denominator)) is None

    def test_a_period_is_missing(self, tmp_path):
        assert quota(tmp_path, V1, "1:cpu:/", {"/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "100000"}) is None

    @pytest.mark.parametrize("cgroup", ["", "0", "0:", "0::", "0::a", "::/", "1:cpu", "0:cpu2:/", "\x00"])
    def test_cgroup(self, tmp_path, cgroup):
        assert quota(tmp_path, V2, cgroup, cpu_max("/sys/fs/cgroup", "1 1")) is None

    @pytest.mark.parametrize(
        "mountinfo",
        ["", " - ", "a b c d - cgroup2 x rw", V2.replace(" rw,nsdelegate", ""), V2.partition(" - ")[0]],
    )
    def test_mountinfo(self, tmp_path, mountinfo):
        assert quota(tmp_path, mountinfo, "0::/", cpu_max("/sys/fs/cgroup", "1 1")) is None

    @pytest.mark.parametrize("point", [r"/\000", "/" + "x" * 5000, r"/\777", "/proc/self/cgroup"])
    def test_mount_points_that_cannot_be(self, tmp_path, point):
        assert quota(tmp_path, f"41 31 0:38 / {point} rw - cgroup2 cgroup2 rw", "0::/a") is None

    def test_no_proc(self, tmp_path):
        assert _available_cores.cgroup_quota(tmp_path) is None

    def test_directories_for_files(self, tmp_path):
        (tmp_path / "sys/fs/cgroup/cpu.max").mkdir(parents=True)
        assert quota(tmp_path, V2, "0::/") is None

    # Whole words make lines that get further than random letters do.
    words = st.sampled_from(("0", "1", "-1", "max", "cpu", "cgroup", "cgroup2", "rw", "..", r"\040", r"\000"))
    signs = st.sampled_from((" ", " - ", ":", "/", "\n"))
    lines = st.sampled_from((f"\n{V1}\n", f"\n{V2}\n", "\n0::/", "\n1:cpu:/", "/sys/fs/cgroup"))
    texts = st.text() | st.lists(words | signs | lines).map("".join)

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(mountinfo=texts, cgroup=texts, content=texts)
    def test_nothing_raises(self, tmp_path, mountinfo, cgroup, content):
        names = ("/sys/fs/cgroup/cpu.max", "/sys/fs/cgroup/cpu/cpu.cfs_quota_us")
        proc = {"/proc/self/mountinfo": mountinfo.encode(), "/proc/self/cgroup": cgroup.encode()}
        cores = quota(tmp_path, V1, "0::/", proc, dict.fromkeys(names, content.encode()))
        assert cores is None or cores >= 0


class TestAvailableCores:
    @pytest.fixture(autouse=True)
    def _fresh(self):
        _available_cores.cores_of_quota.cache_clear()
        yield
        _available_cores.cores_of_quota.cache_clear()

    @pytest.mark.parametrize(
        ("cores", "expected"),
        [(None, 4), (0.0, 1), (0.01, 1), (1.0, 1), (1.01, 2), (2.5, 3), (4.0, 4), (64.0, 4), (1e300, 4)],
    )
    def test_quotas_are_rounded_up(self, monkeypatch, cores, expected):
        monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 2, 4, 6}, raising=False)
        monkeypatch.setattr(_available_cores, "cgroup_quota", lambda: cores)
        assert _available_cores.available_cores() == expected

    @pytest.mark.parametrize(("count", "expected"), [(4, 3), (2, 2), (None, 1)])
    def test_systems_without_affinity(self, monkeypatch, count, expected):
        monkeypatch.delattr(os, "sched_getaffinity", raising=False)
        monkeypatch.setattr(os, "cpu_count", lambda: count)
        monkeypatch.setattr(_available_cores, "cgroup_quota", lambda: 3.0)
        assert _available_cores.available_cores() == expected

    def test_the_quota_is_read_once_and_the_affinity_each_time(self, monkeypatch):
        quotas, masks = [3.0], [{0}, {0, 1}]
        monkeypatch.setattr(_available_cores, "cgroup_quota", quotas.pop)
        monkeypatch.setattr(os, "sched_getaffinity", lambda pid: masks.pop(), raising=False)
        assert [_available_cores.available_cores() for _ in range(2)] == [2, 1]


REPORT = "from imgsvc import _available_cores as c; print(c.available_cores(), c.cgroup_quota())"


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the system has no affinity masks")
def test_the_affinity_of_a_process_counts():
    code = f"import os; os.sched_setaffinity(0, {{min(os.sched_getaffinity(0))}}); {REPORT}"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.split()[0] == "1"


def overwrite(path, text):
    """Write to a file that is there: in a directory that is no cgroup, a new one would be a common file."""
    with path.open("r+") as file:
        file.write(text)


@pytest.mark.parametrize(
    ("mount", "name", "text"),
    [("/sys/fs/cgroup/cpu", "cpu.cfs_quota_us", "50000"), ("/sys/fs/cgroup", "cpu.max", "50000 100000")],
    ids=["v1", "v2"],
)
def test_the_quota_of_a_real_cgroup_counts(mount, name, text):
    cgroup = Path(mount, f"imgsvc-test-{os.getpid()}")
    command = [sys.executable, "-c", f"if input() == 'go': {REPORT}"]
    with contextlib.ExitStack() as stack:
        try:
            cgroup.mkdir()
            stack.callback(cgroup.rmdir)
            overwrite(cgroup / name, text)
            # Left before the directory is removed: a cgroup with a process in it cannot be.
            child = stack.enter_context(
                subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            )
            stack.callback(child.kill)
            overwrite(cgroup / "cgroup.procs", str(child.pid))
        except OSError as error:
            pytest.skip(f"no process can be put into a cgroup with a CPU quota here: {error}")
        assert child.communicate("go\n", timeout=60)[0].split() == ["1", "0.5"]
