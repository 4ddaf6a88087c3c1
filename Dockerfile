FROM python:3.13-slim-bookworm AS build
RUN python -m venv /venv
COPY requirements.txt requirements-clouds.txt /build/
RUN /venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes \
    -r /build/requirements.txt -r /build/requirements-clouds.txt

FROM python:3.13-slim-bookworm
RUN useradd --uid 10001 --no-create-home --home-dir /data router \
    && install -d -o router -g router -m 0700 /data
COPY --from=build /venv /venv
COPY manage.py pyproject.toml README.md /app/
COPY gateway /app/gateway
COPY tokens /app/tokens
COPY accounts /app/accounts
COPY providers /app/providers
COPY forgefed /app/forgefed
RUN /venv/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps --no-build-isolation --editable /app \
    && /venv/bin/python -m compileall -q /app
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
