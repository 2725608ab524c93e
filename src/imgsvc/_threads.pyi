__test__: dict[str, str]  # Cython makes one in every module
__pyx_capi__: dict[str, object]  # what `_door` calls without Python
MAX_THREADS: int
BYTES_PER_THREAD: int

def check_num_threads(num_threads: int | None) -> int | None: ...
def threads_for(num_bytes: int, num_threads: int | None) -> int: ...
