# One server, without root, on port 8080, with its data in the volume /data:
#
#   docker build -t threadline .
#   docker run -p 127.0.0.1:8080:8080 -v threadline:/data threadline
#
# docs/containers.md says how to reach it, and has the rest. BASE may be any image of Debian with Python 3.11 or later and
# its venv. It was built and run with buildah 1.28 on Debian 12's Python 3.11, not yet on the default.
ARG BASE=docker.io/library/python:3.13-slim

FROM ${BASE} AS build
COPY pyproject.toml README.md LICENSE /source/
COPY src /source/src
RUN python3 -m venv /opt/threadline \
 && /opt/threadline/bin/pip install --no-cache-dir --no-compile '/source[metrics,nats,postgres]' \
 && /opt/threadline/bin/pip uninstall --yes pip
# botocore has the models of 400 services. These are ours, our neighbours' and those that give credentials for them.
RUN cd /opt/threadline/lib/python3*/site-packages/botocore/data \
 && find . -mindepth 1 -maxdepth 1 -type d \
      ! -name connect ! -name connectparticipant \
      ! -name lambda ! -name lexv2-runtime ! -name s3 ! -name sns ! -name events ! -name kinesis \
      ! -name sts ! -name sso ! -name sso-oidc ! -name signin \
      -exec rm -r '{}' +

FROM ${BASE}
COPY --from=build /opt/threadline /opt/threadline
RUN install -d -m 700 -o 10001 -g 10001 /data
USER 10001:10001
ENV PATH=/opt/threadline/bin:/usr/local/bin:/usr/bin:/bin \
    HOME=/data \
    XDG_CACHE_HOME=/tmp \
    XDG_RUNTIME_DIR=/tmp/runtime \
    THREADLINE_DATA=/data \
    THREADLINE_HOST=0.0.0.0 \
    THREADLINE_PUBLIC_URL=auto
WORKDIR /data
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
  CMD ["python3", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8080/health', timeout=2)"]
CMD ["threadline", "serve"]
