# Web and worker of docker-compose.yml. TORCH_INDEX chooses the build of torch (docs/install.md).
FROM python:3.11-slim-bookworm
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
ENV PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /chimera
COPY requirements.lock ./
RUN pip install --no-deps --index-url "$TORCH_INDEX" "$(grep '^torch==' requirements.lock)" \
 && pip install --requirement requirements.lock
COPY . .
RUN useradd --create-home --uid 1000 chimera && mkdir /data && chown chimera /data
USER chimera
ENV CHIMERA_DATA_DIR=/data DJANGO_SETTINGS_MODULE=chimera.settings HF_HUB_OFFLINE=1
EXPOSE 8000
CMD ["python", "-m", "uvicorn", "chimera.asgi:application", "--host", "0.0.0.0", "--port", "8000"]
