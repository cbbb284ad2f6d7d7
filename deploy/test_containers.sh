#!/usr/bin/env bash
# Builds the image and runs the tests marked `containers`: compose with every service, and the image by testcontainers.
# Where no Docker engine answers, one is started when this is Debian, we are root, and HEADRACE_START_ENGINE is not 0;
# otherwise the skip is printed and the exit code is 0 (with REQUIRE_CONTAINERS=1: 1).
# Where the images of others cannot be pulled, stand-ins are built from the machine's own packages (deploy/standins).
set -euo pipefail
cd "$(dirname "$0")/.."
root="$PWD"
work="${HEADRACE_CONTAINERS_DIR:-$(mktemp -d /var/tmp/headrace-containers.XXXXXX)}"
mkdir -p "$work"
engine_pid=""
BASE=python:3.11-slim-bookworm
KAFKA=apache/kafka:4.3.1
POSTGRES=postgres:16

say() { printf '%s\n' "$*" >&2; }
skip() {
  say "skipped: $*"
  [ "${REQUIRE_CONTAINERS:-0}" = 1 ] && exit 1
  exit 0
}
finish() {
  if [ -n "$engine_pid" ]; then
    kill "$engine_pid" 2>/dev/null || true
    for _ in $(seq 50); do kill -0 "$engine_pid" 2>/dev/null || break; sleep 0.2; done
  fi
  if [ -z "${HEADRACE_CONTAINERS_DIR:-}" ]; then rm -rf "$work" 2>/dev/null || true; fi
}
trap finish EXIT

start_engine() {
  [ "${HEADRACE_START_ENGINE:-1}" != 0 ] || skip "no Docker engine answers, and HEADRACE_START_ENGINE=0"
  [ "$(id -u)" = 0 ] || skip "no Docker engine answers, and only root may start one"
  command -v apt-get >/dev/null || skip "no Docker engine answers, and this is no Debian to install one on"
  if ! command -v dockerd >/dev/null || ! command -v debootstrap >/dev/null || ! command -v docker-compose >/dev/null; then
    say "installing a Docker engine ..."
    { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends \
        docker.io iptables debootstrap docker-compose; } >"$work/apt.log" 2>&1 || skip "no engine: see $work/apt.log"
  fi
  export DOCKER_HOST="unix://$work/docker.sock"
  dockerd --data-root "$work/root" --exec-root "$work/exec" -H "$DOCKER_HOST" --pidfile "$work/docker.pid" \
    >"$work/dockerd.log" 2>&1 &
  engine_pid=$!
  for _ in $(seq 100); do
    docker info >/dev/null 2>&1 && return
    kill -0 "$engine_pid" 2>/dev/null || break
    sleep 0.2
  done
  skip "the Docker engine does not start: $(tail -n 1 "$work/dockerd.log")"
}

have() { docker image inspect "$1" >/dev/null 2>&1 || timeout 60 docker pull -q "$1" >/dev/null 2>&1; }

# The base image from the machine's own package sources, under the official name, so that the Dockerfile builds unchanged.
make_base() {
  say "building a stand-in for $BASE ..."
  local mirror
  mirror="$({ cat /etc/apt/sources.list.d/*.sources /etc/apt/sources.list 2>/dev/null || true; } |
    awk '/^URIs:/ { print $2 } /^deb / { for (i = 2; i <= NF; i++) if ($i ~ /:[/][/]/) { print $i; break } }' | sed -n 1p)"
  rm -rf "$work/rootfs"
  debootstrap --variant=minbase --include=ca-certificates,python3,python3-venv,python3-pip bookworm \
    "$work/rootfs" "$mirror" >"$work/debootstrap.log" 2>&1
  rm -rf "$work"/rootfs/var/cache/apt/archives/*.deb "$work"/rootfs/var/lib/apt/lists/*
  # Some networks sign TLS anew: what this machine trusts, the local base trusts. The Dockerfile knows nothing of it.
  cp "${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}" "$work/rootfs/etc/ssl/certs/ca-certificates.crt"
  ln -sf /usr/bin/python3 "$work/rootfs/usr/local/bin/python"
  tar -C "$work/rootfs" -c . | docker import \
    -c 'ENV PIP_CERT=/etc/ssl/certs/ca-certificates.crt SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt' - "$BASE" >/dev/null
  rm -rf "$work/rootfs"
}

# Kafka from the jars and the Java that the embedded broker uses; PostgreSQL from the wheel the tests use.
make_standin() {
  local name="$1" image="$2" context="$work/$1"
  say "building a stand-in for $image ..."
  rm -rf "$context"
  mkdir -p "$context"
  cp -r deploy/standins/. "$context"
  .venv/bin/python deploy/standins/gather.py "$name" "$context"
  docker build -q -f "$context/$name.Dockerfile" -t "$image" "$context" >/dev/null
  rm -rf "$context"
}

docker info >/dev/null 2>&1 || start_engine
have "$BASE" || make_base
have "$KAFKA" || make_standin kafka "$KAFKA"
have "$POSTGRES" || make_standin postgres "$POSTGRES"
say "building the image ..."
docker build -q -f deploy/Dockerfile -t headrace:test "$root" >/dev/null

mkdir -p build/reports
export TESTCONTAINERS_RYUK_DISABLED=true TESTCONTAINERS_HOST_OVERRIDE=127.0.0.1
HEADRACE_IMAGE=headrace:test .venv/bin/python -m pytest -m containers tests/containers --timeout=600 \
  --junitxml=build/reports/test-containers.xml
