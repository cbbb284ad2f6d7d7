#!/usr/bin/env bash
# Builds the image and runs the tests marked `containers`: compose with every service, and the image by testcontainers.
# Where no Docker engine answers, one is started when this is Debian, we are root, and HEADRACE_START_ENGINE is not 0;
# otherwise the skip is printed and the exit code is 0 (with REQUIRE_CONTAINERS=1: 1).
# Where the images of others cannot be pulled, stand-ins are built from the machine's own packages (deploy/standins).
# Says how long each phase took. An engine that was started here is ended here, with all that was in it; with
# HEADRACE_CONTAINERS_DIR=FOLDER its images stay in that folder for the next run.
set -euo pipefail
cd "$(dirname "$0")/.."
root="$PWD"
work="${HEADRACE_CONTAINERS_DIR:-$(mktemp -d /var/tmp/headrace-containers.XXXXXX)}"
mkdir -p "$work"
engine_pid=""
child=""
phase=""
phase_start=0
BASE=python:3.11-slim-bookworm
KAFKA=apache/kafka:4.3.1
POSTGRES=postgres:16
OURS=headrace:test

say() { printf '%s\n' "$*" >&2; }
# Ends the phase before, with its seconds, and begins the next.
phase() {
  [ -z "$phase" ] || say "$phase: $((SECONDS - phase_start)) s"
  phase="$1"
  phase_start=$SECONDS
}
skip() {
  say "skipped: $*"
  [ "${REQUIRE_CONTAINERS:-0}" = 1 ] && exit 1
  exit 0
}
# Runs a command as a process group of its own and waits; a signal to us cuts the wait short, and finish ends the group.
run() {
  local code=0
  set -m
  "$@" </dev/null &
  child=$!
  set +m
  wait "$child" || code=$?
  child=""
  return "$code"
}
# The same with the output in a log; only a failure is shown.
logged() {
  local log="$work/$1.log"
  shift
  run "$@" >"$log" 2>&1 || { say "failed: $*"; tail -n 30 "$log" >&2; return 1; }
}

# Whether a process ends within that many fifths of a second.
ended() {
  for _ in $(seq "$2"); do kill -0 "$1" 2>/dev/null || return 0; sleep 0.2; done
  return 1
}
# The containers, networks and volumes of our own engine, the engine, and what it leaves in the network.
stop_engine() {
  local left
  left="$(docker ps -aq 2>/dev/null || true)"
  # shellcheck disable=SC2086  # one argument for each container
  [ -z "$left" ] || docker rm -fv $left >/dev/null 2>&1 || true
  docker network prune -f >/dev/null 2>&1 || true
  docker volume prune -f >/dev/null 2>&1 || true
  kill "$engine_pid" 2>/dev/null || true
  ended "$engine_pid" 300 || kill -9 "$engine_pid" 2>/dev/null || true
  wait "$engine_pid" 2>/dev/null || true
  [ -n "$had_bridge" ] || ip link delete docker0 2>/dev/null || true
  if [ -z "$had_rules" ]; then
    iptables-save 2>/dev/null | grep -vi docker | iptables-restore 2>/dev/null || true
    iptables -P FORWARD "$forward" 2>/dev/null || true
  fi
}
finish() {
  local code=$?
  trap '' INT TERM
  phase "cleaning up"
  if [ -n "$child" ] && kill -INT -- "-$child" 2>/dev/null; then # the tests take their containers down
    ended "$child" 300 || kill -9 -- "-$child" 2>/dev/null || true
  fi
  [ -z "$engine_pid" ] || stop_engine
  awk -v inside="$work/" 'index($2, inside) == 1 { print $2 }' /proc/mounts 2>/dev/null | sort -r | xargs -r umount || true
  if [ -z "${HEADRACE_CONTAINERS_DIR:-}" ]; then rm -rf --one-file-system "$work" || true; fi
  phase ""
  say "in all: $SECONDS s"
  exit "$code"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

start_engine() {
  [ "${HEADRACE_START_ENGINE:-1}" != 0 ] || skip "no Docker engine answers, and HEADRACE_START_ENGINE=0"
  [ "$(id -u)" = 0 ] || skip "no Docker engine answers, and only root may start one"
  command -v apt-get >/dev/null || skip "no Docker engine answers, and this is no Debian to install one on"
  local tool missing=""
  for tool in dockerd docker iptables debootstrap docker-compose; do command -v "$tool" >/dev/null || missing="$tool"; done
  if [ -n "$missing" ]; then
    phase "installing a Docker engine"
    logged update apt-get update -q || skip "no Docker engine: the package lists cannot be read"
    logged install env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends \
      docker.io iptables debootstrap docker-compose || skip "no Docker engine: it cannot be installed"
  fi
  phase "starting a Docker engine"
  had_bridge="$([ ! -e /sys/class/net/docker0 ] || echo yes)"
  had_rules="$(iptables -S DOCKER 2>/dev/null || true)"
  forward="$(iptables -S FORWARD 2>/dev/null | awk '$1 == "-P" { print $3 }')"
  export DOCKER_HOST="unix://$work/docker.sock"
  set -m # a Ctrl-C is ours alone
  dockerd --data-root "$work/root" --exec-root "$work/exec" -H "$DOCKER_HOST" --pidfile "$work/docker.pid" \
    </dev/null >"$work/dockerd.log" 2>&1 &
  engine_pid=$!
  set +m
  for _ in $(seq 300); do
    docker info >/dev/null 2>&1 && return
    kill -0 "$engine_pid" 2>/dev/null || break
    sleep 0.2
  done
  skip "the Docker engine does not start: $(tail -n 1 "$work/dockerd.log")"
}

have() { docker image inspect "$1" >/dev/null 2>&1 || timeout 60 docker pull -q "$1" >/dev/null 2>&1; }

# The base image from the machine's own package sources, under the official name, so that the Dockerfile builds unchanged.
make_base() {
  phase "stand-in for $BASE"
  local mirror
  mirror="$({ cat /etc/apt/sources.list.d/*.sources /etc/apt/sources.list 2>/dev/null || true; } |
    awk '/^URIs:/ { print $2 } /^deb / { for (i = 2; i <= NF; i++) if ($i ~ /:[/][/]/) { print $i; break } }' | sed -n 1p)"
  rm -rf "$work/rootfs"
  logged debootstrap debootstrap --variant=minbase --include=ca-certificates,python3,python3-venv,python3-pip bookworm \
    "$work/rootfs" "$mirror"
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
  phase "stand-in for $image"
  rm -rf "$context"
  mkdir -p "$context"
  cp -r deploy/standins/. "$context"
  logged "gather-$name" .venv/bin/python deploy/standins/gather.py "$name" "$context"
  logged "$name" docker build -f "$context/$name.Dockerfile" -t "$image" "$context"
  rm -rf "$context"
}

docker info >/dev/null 2>&1 || start_engine
phase "pulling images"
have "$BASE" || make_base
have "$KAFKA" || make_standin kafka "$KAFKA"
have "$POSTGRES" || make_standin postgres "$POSTGRES"
phase "building the image"
logged image docker build -f deploy/Dockerfile -t "$OURS" \
  --build-arg HEADRACE_COMMIT="$(git rev-parse HEAD 2>/dev/null || true)" "$root"

phase "tests"
mkdir -p build/reports
export TESTCONTAINERS_RYUK_DISABLED=true TESTCONTAINERS_HOST_OVERRIDE=127.0.0.1 HEADRACE_IMAGE="$OURS"
run .venv/bin/python -m pytest -m containers tests/containers --timeout=600 --durations=5 \
  --junitxml=build/reports/test-containers.xml
