# The wheels are made where there is a compiler, and installed where there is none.
FROM python:3.13-slim-bookworm AS build

# Any compiler of this Debian does.
# hadolint ignore=DL3008
RUN apt-get update && apt-get install --yes --no-install-recommends gcc libc6-dev
WORKDIR /src
COPY . .
RUN python -m pip wheel --no-cache-dir --wheel-dir /wheels '.[all]'


FROM python:3.13-slim-bookworm

LABEL org.opencontainers.image.title="imgsvc" \
      org.opencontainers.image.description="Image operations over gRPC" \
      org.opencontainers.image.source="https://github.com/imgsvc/imgsvc" \
      org.opencontainers.image.licenses="Apache-2.0"

# The kernels' threads are libgomp's; any version of it does.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 imgsvc \
    && useradd --uid 10001 --gid imgsvc --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin imgsvc \
    && install --directory --owner=imgsvc --group=imgsvc /run/imgsvc

# Of the first stage alone: the versions are those that it took.
# hadolint ignore=DL3013
RUN --mount=type=bind,from=build,source=/wheels,target=/wheels \
    python -m pip install --no-cache-dir --no-index --find-links /wheels 'imgsvc[all]'

# Whatever is not public must be let in by name: docs/security.md.
ENV IMGSVC_CFG_HOST=0.0.0.0 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1

USER 10001:10001
WORKDIR /tmp
EXPOSE 50051
# It has SIGTERM's handler itself, and no children: it may be process 1.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["imgsvc-client", "health", "--service", "imgsvc.liveness", "--host", "127.0.0.1", "--timeout", "4", "--retries", "0"]
ENTRYPOINT ["imgsvc-server"]
