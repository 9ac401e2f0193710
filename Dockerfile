# The stand-alone server, `fusion serve`; compose.yaml runs it with PostgreSQL. (LangGraph Server builds its own image:
# `langgraph build`.)
FROM python:3.12-slim AS build
ARG EXTRAS=serve,postgres
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY fusion_graph ./fusion_graph
RUN python -m venv /opt/fusion && /opt/fusion/bin/pip install --no-cache-dir ".[${EXTRAS}]"

FROM python:3.12-slim
RUN useradd --system --uid 10001 --create-home fusion
COPY --from=build /opt/fusion /opt/fusion
ENV PATH="/opt/fusion/bin:${PATH}" PYTHONUNBUFFERED=1
USER 10001
WORKDIR /home/fusion
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/readyz', timeout=4)"]
ENTRYPOINT ["fusion"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8000"]
