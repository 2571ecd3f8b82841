# The images of robotsim. `server` (the default) runs the server, the event stream, the controller and the
# worker; `agent` runs one unit.
#
#   docker build -t robot-sim-backend:latest .
#   docker build -t robot-sim-agent:latest --target agent .
#
# PYTHON_IMAGE may be another Debian with Python 3.11 to 3.13, also one whose python3 is Debian's own.
# Bookworm, because its PostgreSQL client is that of the database's version, 15.
ARG PYTHON_IMAGE=python:3.12.12-slim-bookworm

# checkov:skip=CKV_DOCKER_7:the tag is in PYTHON_IMAGE, which it does not look into
FROM ${PYTHON_IMAGE} AS python
# Byte code is made at build time: the root file system may be read-only.
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
# A user by number: it needs no entry, and Kubernetes can tell that it is not root.
RUN mkdir -p /app /data && chown 10001:10001 /data
WORKDIR /app


FROM python AS tools
WORKDIR /build
# Debian keeps what makes an environment with pip in a package of its own; the official image has it.
# Versions are the base's: a fixed one vanishes from Debian with the next security fix. This stage is not shipped.
# hadolint ignore=DL3008,DL3009
RUN python3 -c 'import ensurepip' 2>/dev/null \
    || { apt-get update && apt-get install -y --no-install-recommends python3-venv; }
# pip stays here: the environments that are handed on have none.
RUN python3 -m venv /opt/tools && python3 -m venv --without-pip /opt/venv


FROM tools AS agent-packages
COPY requirements-agent.txt requirements-ros2.txt ./
# empy has no wheel, and is plain Python. Never read, and 40 MB: headers, and what generates message packages.
RUN /opt/tools/bin/pip --python /opt/venv/bin/python3 install --no-cache-dir --no-compile \
        --only-binary :all: --no-binary empy -r requirements-ros2.txt \
    && rm -rf /opt/venv/include /opt/venv/share/*/cmake \
    && python3 -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/venv


FROM tools AS server-packages
COPY requirements-agent.txt requirements.txt ./
# Never read, and 40 MB: sources of translations, and the descriptions of what AWS offers beside S3.
RUN /opt/tools/bin/pip --python /opt/venv/bin/python3 install --no-cache-dir --no-compile \
        --only-binary :all: -r requirements.txt \
    && find /opt/venv -name '*.po' -delete \
    && find /opt/venv/lib/python3*/site-packages/botocore/data -mindepth 1 -maxdepth 1 -type d \
        ! -name s3 ! -name sts -exec rm -r {} + \
    && python3 -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/venv


FROM python AS database-client
# The programs alone: their package would bring Perl along.
# hadolint ignore=DL3008,DL3009
RUN apt-get update && apt-get install -y --no-install-recommends postgresql-client \
    && mkdir /opt/database-client \
    && cp /usr/lib/postgresql/*/bin/pg_dump /usr/lib/postgresql/*/bin/pg_restore \
        /usr/lib/postgresql/*/bin/psql /opt/database-client/


FROM server-packages AS code
WORKDIR /app
COPY . ./
RUN rm requirements*.txt
# hadolint ignore=DL3008,DL3009
RUN if [ -n "$(find . -name '*.po' -print -quit)" ]; then \
        apt-get update && apt-get install -y --no-install-recommends gettext \
        && DATA_DIR=/tmp/build python3 manage.py compilemessages && find . -name '*.po' -delete; fi
# The values only let the settings be read; none of them is kept.
RUN ENVIRONMENT=production DATA_DIR=/tmp/build DATABASE_URL=sqlite:////tmp/build/none.sqlite3 \
        REDIS_URL=redis://localhost MINIO_ENDPOINT=localhost:9000 \
        MINIO_ACCESS_KEY=none MINIO_SECRET_KEY="$(python3 -c 'import secrets; print(secrets.token_hex(32))')" \
        METRICS_TOKEN="$(python3 -c 'import secrets; print(secrets.token_hex(32))')" \
        SECRET_KEY="$(python3 -c 'import secrets; print(secrets.token_urlsafe(48))')" \
        python3 manage.py collectstatic --noinput --verbosity 0 \
    && python3 -m compileall -q -j 0 --invalidation-mode unchecked-hash /app
# What the server says that it is. server-renew.sh writes the file .version after the image has proved itself.
ARG VERSION=
RUN if [ -n "$VERSION" ]; then printf '%s\n' "$VERSION" > .version; fi


FROM python AS agent
COPY --from=agent-packages /opt/venv /opt/venv
COPY --from=code /app/rosbag2 /app/rosbag2
COPY --from=code /app/agent /app/agent
USER 10001:10001
STOPSIGNAL SIGTERM
# A unit reports to the server each second and is judged there; it listens to nobody.
HEALTHCHECK NONE
ENTRYPOINT ["python3", "-m", "agent"]
ARG VERSION=dev
LABEL org.opencontainers.image.title="robot-sim-agent" \
      org.opencontainers.image.description="robotsim: one unit, a process that replays recordings as robots" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}"


FROM python AS server
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends libpq5 liblz4-1 libzstd1 libreadline8 \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt /var/log/apt /var/log/dpkg.log
COPY --from=database-client /opt/database-client /usr/local/bin
COPY --from=server-packages /opt/venv /opt/venv
COPY --from=code /app /app
ENV DATA_DIR=/data
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
# Of the server and the event stream; who runs another command in this image brings a check of its own.
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s CMD ["python3", "-c", "import http.client, os, sys; c = http.client.HTTPConnection('127.0.0.1', int(os.environ.get('WEB_PORT') or 8000), timeout=4); c.request('GET', '/health/live'); sys.exit(c.getresponse().status != 200)"]
CMD ["gunicorn", "--config", "python:robotsim_project.gunicorn.web", "robotsim_project.wsgi:application"]
ARG VERSION=dev
LABEL org.opencontainers.image.title="robot-sim-backend" \
      org.opencontainers.image.description="robotsim: server, event stream, controller and worker" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}"
