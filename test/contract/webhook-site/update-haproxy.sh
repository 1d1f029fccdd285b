#!/bin/sh
# update-haproxy.sh NAME FRONTEND_PORT BACKEND_PORT DST_IP ACTION [SEND_PROXY]
#
# Stands in for the script of a poor-mans-k8s-lb: same arguments, one piece of configuration for each port, one server in it, no lock. Works in the
# folder that it is started in. BIND is the address of ports, all of them where it is not set.
set -u

finish() {
  echo "end $2 $1" >> runs
  exit "$1"
}

[ $# -eq 5 ] || [ $# -eq 6 ] || finish 2 '?'
name=$1 port=$2 target="$4:$3" action=$5 header=
[ "${6:-}" = true ] && header=send-proxy
echo "begin $port $action" >> runs

case $action in
  add)
    cat > "pieces/$port.cfg" <<PIECE
# $name
listen port-$port
  bind ${BIND:-*}:$port
  mode tcp
  stick-table type ip size 10k expire 30m
  stick on src
  server one $target $header
PIECE
    ;;
  delete) rm "pieces/$port.cfg" ;;
  *) finish 2 "$port" ;;
esac

cat head.cfg pieces/*.cfg > next.cfg
haproxy -c -q -f next.cfg || finish 2 "$port"
cmp -s next.cfg haproxy.cfg && finish 0 "$port"
cp next.cfg haproxy.cfg
./reload.sh || finish 2 "$port"
finish 0 "$port"
