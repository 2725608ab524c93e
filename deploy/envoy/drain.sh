#!/usr/bin/env bash
# Before SIGTERM, which ends Envoy at once with all that it has under way: give up the connections, and finish the
# calls. For preStop, or ExecStop; of other programs it needs cat and sleep alone (an image of Envoy without bash does
# not do).
#
#   drain.sh [ADMIN_PORT [NOTICE [LIMIT]]]
#
# NOTICE: the seconds (5) that names, services and balancers before this one need to forget it; none where clients
# have a list of addresses. LIMIT: the seconds (30) that calls under way have after that. A batch may be longer: clients
# go on with it elsewhere.
set -euo pipefail
port=${1:-9901} notice=${2:-5} limit=${3:-30}

ask() {
  exec 3<>"/dev/tcp/127.0.0.1/$port"
  printf '%s %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n' "$1" "$2" >&3
  cat <&3
  exec 3>&-
}

# Clients are told to leave with their next answers, and readiness probes, which ask /ready, that it is not.
ask POST /healthcheck/fail >/dev/null
sleep "$notice"
# Without it those that have left come again.
ask POST /drain_listeners >/dev/null
end=$((SECONDS + limit))
until [[ $(ask GET '/stats?filter=http.imgsvc.downstream_rq_active') == *'active: 0'* ]]; do
  ((SECONDS < end)) || exit 0
  sleep 0.5
done
