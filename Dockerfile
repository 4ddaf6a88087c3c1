# docker build --build-arg SOURCE_DATE_EPOCH="$(git log -1 --format=%ct)" -t link-assistant-router:0.2.0 .
# Twice the same image from the same commit: name the base by digest (--build-arg PYTHON=python@sha256:...), and let BuildKit write its
# times (--output type=image,rewrite-timestamp=true). What we add holds no times of its own: packages by hash, code compiled by content.
ARG PYTHON=python:3.13-slim-bookworm

FROM ${PYTHON} AS build
ARG SOURCE_DATE_EPOCH=0
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONDONTWRITEBYTECODE=1 PYTHONHASHSEED=0
# Without pip of its own, which would be compiled by time and has no work there.
RUN python -m venv --without-pip /venv
COPY requirements.txt requirements-clouds.txt requirements-otel.txt /build/
RUN pip --python /venv/bin/python install --no-compile --require-hashes \
    -r /build/requirements.txt -r /build/requirements-clouds.txt -r /build/requirements-otel.txt
COPY manage.py pyproject.toml README.md /app/
COPY gateway /app/gateway
COPY tokens /app/tokens
COPY accounts /app/accounts
COPY providers /app/providers
COPY forgefed /app/forgefed
# The modes of a checkout are those of somebody's umask; the user of the image has to read the files.
RUN pip --python /venv/bin/python install --no-compile --no-deps --no-build-isolation --editable /app \
    && /venv/bin/python -m compileall -q --invalidation-mode unchecked-hash /venv /app \
    && chmod -R u=rwX,go=rX /venv /app

FROM ${PYTHON}
# Written by hand: the program for it notes the day.
RUN echo 'router:x:10001:' >> /etc/group \
    && echo 'router:x:10001:10001::/data:/usr/sbin/nologin' >> /etc/passwd \
    && install -d -o 10001 -g 10001 -m 0700 /data
COPY --from=build /venv /venv
COPY --from=build /app /app
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    HOME=/data DATA_DIR=/data/router ROUTER_PORT=8080
WORKDIR /app
USER 10001:10001
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s CMD ["python", "-c", \
    "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + os.environ['ROUTER_PORT'] + '/health', timeout=4)"]
ENTRYPOINT ["router"]
CMD ["serve"]
