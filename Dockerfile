# The Airflow of docker-compose.yaml, and a base for your own image.
#
# It starts from the Apache image and not from Astro Runtime, because the package needs Airflow 3.3.2 or later of the
# 3.3 line and the Apache tag says which Airflow it holds. With Astro, replace the stage `airflow` by one line,
# `FROM astrocrpublic.azurecr.io/runtime:<a tag with Airflow 3.3.2>`: Astro Runtime installs requirements.txt and
# packages.txt by itself.
#
# Nobody has built this image or run docker-compose.yaml on a container engine for this release; what is held by tests
# is written at the top of docker-compose.yaml.

# What stands in for the outside world: sandbox, local warehouse, object storage. Never part of a production image.
FROM python:3.12-slim AS local
WORKDIR /opt/crm
COPY requirements/lock.txt requirements/uv.txt requirements/
RUN pip install --no-cache-dir --require-hashes -r requirements/uv.txt \
    && uv pip sync --system --no-cache --require-hashes requirements/lock.txt
COPY stack/ stack/
COPY sandbox/ sandbox/
RUN useradd --create-home crm && mkdir /secrets /data /tls && chown crm /secrets /data /tls
USER crm
ENTRYPOINT ["python", "-m"]

FROM apache/airflow:3.3.2-python3.12 AS airflow
USER root
COPY packages.txt /tmp/packages.txt
RUN if grep -qvE '^\s*(#|$)' /tmp/packages.txt; then \
        apt-get update && grep -vE '^\s*(#|$)' /tmp/packages.txt | xargs apt-get install -y --no-install-recommends \
        && rm -rf /var/lib/apt/lists/*; fi
USER airflow
COPY requirements.txt /tmp/requirements.txt
# The providers of the production shape beside the package's own requirements; Airflow itself stays what the image has.
RUN pip install --no-cache-dir -r /tmp/requirements.txt "apache-airflow==${AIRFLOW_VERSION}" \
        "apache-airflow-providers-amazon[s3fs]" apache-airflow-providers-celery apache-airflow-providers-postgres \
        apache-airflow-providers-redis "celery<5.7"
RUN mkdir -p /opt/airflow/data-docs
COPY --chown=airflow:0 dags/ /opt/airflow/dags/
COPY --chown=airflow:0 plugins/ /opt/airflow/plugins/
# Airflow lists the connection types of its form before it puts the plugins on the path; see docs/hubspot.md.
ENV PYTHONPATH=/opt/airflow/plugins
COPY --chown=airflow:0 include/ /opt/airflow/include/
