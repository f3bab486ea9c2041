# docker build -t rarecase .
# docker run --rm --user "$(id -u):$(id -g)" -v "$PWD:/data" rarecase inspect DATA
# docker run --rm --gpus all --user "$(id -u):$(id -g)" -v "$PWD:/data" rarecase run DATA --label COLUMN --preset quick --out RUN
FROM python:3.11-slim-bookworm AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE constraints.txt ./
COPY src src
# [torch] does everything, [imaging] reads and inspects volumes; nothing: tables alone.
ARG EXTRAS=[torch]
RUN python -m venv /opt/rarecase \
    && /opt/rarecase/bin/pip install --no-cache-dir -c constraints.txt ".${EXTRAS}"

FROM python:3.11-slim-bookworm
COPY --from=build /opt/rarecase /opt/rarecase
ENV PATH=/opt/rarecase/bin:$PATH \
    MPLCONFIGDIR=/tmp/matplotlib
USER 1000
WORKDIR /data
ENTRYPOINT ["rarecase"]
CMD ["--help"]
