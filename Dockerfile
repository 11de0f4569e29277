FROM python:3.12-slim AS build
WORKDIR /src
COPY . .
RUN python -m venv /opt/beforehand \
    && /opt/beforehand/bin/pip install --no-cache-dir --require-hashes -r requirements.lock \
    && /opt/beforehand/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.12-slim
RUN useradd --create-home --uid 10001 beforehand && install -d -o beforehand /data
COPY --from=build /opt/beforehand /opt/beforehand
USER beforehand
WORKDIR /data
ENV PATH=/opt/beforehand/bin:$PATH BEFOREHAND_CONFIG=/data/beforehand.toml
EXPOSE 8080
# The database lives in /data: mount a volume there, and run one container only.
CMD ["beforehand", "serve"]
