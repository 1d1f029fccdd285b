#!/bin/sh
# Sets up this machine: a proxy program, and `fairway edge` beside it. Run as root on the proxy machine, from the bundle in /opt/fairway.
#
#   install.sh PROGRAM [--cluster NAME --address HOST]... [--class NAME] [--name NAME] [--addresses LIST] [--interface NAME]
#
#   PROGRAM             haproxy, nginx, envoy or caddy. The first two are installed by apt-get where they are missing
#   --cluster NAME      invite this cluster: a Secret for it, with its namespace, is printed on standard output, and nothing else
#   --address HOST      how the cluster reaches this machine; may be there several times
#   --class NAME        the class that the cluster may use here (default: all of its classes)
#   --name NAME         of this proxy in fairway.yaml (default: edge-1)
#   --addresses LIST    public addresses that clusters may use: 203.0.113.0/28,203.0.113.40 (default: all of this machine)
#   --interface NAME    have the edge put those that are used on this interface (default: they are on one already)
#
# It may be run again at any time: configuration that is there stays, and a proxy program that serves already is not restarted. Without --cluster it is
# an upgrade. With --cluster each run makes a further token.
set -eu
umask 022

HERE=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
UNITS=/etc/systemd/system
CONFIG=/etc/fairway/edge.yaml

say() { printf '%s\n' "$*" >&2; }
fail() {
  say "install.sh: $*"
  exit 1
}
usage() {
  sed -n '4,13s/^# \{0,1\}//p' "$0" >&2
  exit 1
}

# --- What was asked for -------------------------------------------------------------------------------------------------------------------------------

program=${1:-}
case $program in
  haproxy | nginx | envoy | caddy) shift ;;
  *) usage ;;
esac
cluster='' addresses='' interface='' init=''
while [ $# -gt 0 ]; do
  [ $# -gt 1 ] || usage
  # The values become words of a command below.
  case $2 in *[!A-Za-z0-9.:/,_-]* | '' | -*) fail "$1: \"$2\" is no name and no address" ;; esac
  case $1 in
    --cluster) cluster=$2 init="$init --cluster $2" ;;
    --address | --class | --name) init="$init $1 $2" ;;
    --addresses) addresses=$2 ;;
    --interface) interface=$2 ;;
    *) usage ;;
  esac
  shift 2
done
[ "$(id -u)" = 0 ] || fail 'this needs root'
[ -d /run/systemd/system ] || fail 'this machine is not run by systemd'
[ -e /opt/fairway/fairway.js ] || fail 'unpack the bundle in /opt/fairway first'
case $init in *--address*) ;; *) [ -z "$cluster" ] || fail '--cluster needs --address' ;; esac
[ -n "$cluster" ] || [ -e "$CONFIG" ] || fail 'the first time --cluster and --address are needed'

# --- The proxy program --------------------------------------------------------------------------------------------------------------------------------

bring() { # PROGRAM PACKAGE...: whether it had to be installed
  command -v "$1" > /dev/null && return 1
  shift
  command -v apt-get > /dev/null || fail "install $* first: there is no apt-get here"
  say "installing $*"
  # Not left to -e, which does not hold where somebody asks how this went.
  apt-get -q update >&2 || say 'apt-get update failed: trying with what is known'
  DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends "$@" >&2 || fail "$* could not be installed"
}

case $program in
  haproxy) bring haproxy haproxy || true ;;
  nginx)
    if bring nginx nginx-light libnginx-mod-stream; then
      # Its package starts a web server on port 80 that nobody has asked for.
      systemctl disable --now nginx >&2
    fi
    # A package of nginx.org has the stream module built in.
    [ -e /usr/lib/nginx/modules/ngx_stream_module.so ] || nginx -V 2>&1 | grep -q -- '--with-stream\( \|$\)' ||
      fail 'this nginx has no stream module: apt-get install libnginx-mod-stream'
    ;;
  envoy)
    [ -x /usr/local/bin/envoy ] || fail 'put Envoy, 1.36 or newer, at /usr/local/bin/envoy first: see docs/start/envoy.md'
    ;;
  caddy)
    command -v caddy > /dev/null || fail 'install Caddy with the module layer4 first: see docs/start/caddy.md'
    caddy list-modules | grep -q '^layer4$' || fail 'this Caddy lacks the module layer4: see docs/start/caddy.md'
    systemctl cat caddy.service > /dev/null 2>&1 || fail "Caddy's own package is missing: it brings the user and the unit caddy.service"
    ;;
esac

# --- Files --------------------------------------------------------------------------------------------------------------------------------------------

# What is an administrator's to edit is put there once; all else is renewed by each run.
renew() { install -D -m 0644 "$HERE/$1" "$2"; }
once() { [ -e "$2" ] || renew "$1" "$2"; }

install -m 0755 "$HERE/fairway" /usr/local/bin/fairway
renew sysusers.conf /etc/sysusers.d/fairway-edge.conf
renew systemd/fairway-edge.service "$UNITS/fairway-edge.service"
case $program in
  haproxy) renew systemd/haproxy.conf "$UNITS/haproxy.service.d/fairway.conf" ;;
  nginx)
    once nginx.conf /etc/fairway/nginx.conf
    renew systemd/fairway-nginx.service "$UNITS/fairway-nginx.service"
    renew systemd/fairway-edge-nginx.conf "$UNITS/fairway-edge.service.d/nginx.conf"
    ;;
  envoy)
    once envoy.yaml /etc/fairway/envoy.yaml
    renew sysusers-envoy.conf /etc/sysusers.d/fairway-envoy.conf
    renew tmpfiles-envoy.conf /etc/tmpfiles.d/fairway-envoy.conf
    renew systemd/fairway-envoy.service "$UNITS/fairway-envoy.service"
    renew systemd/fairway-edge-envoy.conf "$UNITS/fairway-edge.service.d/envoy.conf"
    ;;
  caddy)
    once caddy.json /etc/caddy/fairway.json
    renew ../caddy/99-fairway.conf /etc/sysctl.d/99-fairway.conf
    renew tmpfiles-caddy.conf /etc/tmpfiles.d/fairway-caddy.conf
    renew tmpfiles-caddy.conf /etc/tmpfiles.d/fairway-caddy.conf
    renew systemd/caddy.conf "$UNITS/caddy.service.d/fairway.conf"
    renew systemd/fairway-edge-caddy.conf "$UNITS/fairway-edge.service.d/caddy.conf"
    sysctl -q -p /etc/sysctl.d/99-fairway.conf >&2
    ;;
esac
if [ -n "$interface" ] && [ ! -e "$CONFIG" ]; then
  install -d "$UNITS/fairway-edge.service.d"
  printf '[Service]\nAmbientCapabilities=CAP_NET_ADMIN\nCapabilityBoundingSet=CAP_NET_ADMIN\n' > "$UNITS/fairway-edge.service.d/addresses.conf"
fi
systemd-sysusers >&2
case $program in envoy | caddy) systemd-tmpfiles --create "/etc/tmpfiles.d/fairway-$program.conf" >&2 ;; esac
# Envoy reads its bootstrap from there, and is none of the edge's group.
mode=0750
[ "$program" != envoy ] || mode=0751
install -d -g fairway-edge -m "$mode" /etc/fairway
# What was there before the group was, or came with a backup of another machine.
chgrp -R fairway-edge /etc/fairway

# --- Configuration of the edge ------------------------------------------------------------------------------------------------------------------------

engine='{}'
[ "$program" != caddy ] || engine='{admin: unix//run/caddy/admin.sock}'
if [ ! -e "$CONFIG" ]; then
  {
    echo "# What fairway edge serves, and for whom. Every key: $HERE/edge.yaml. After an edit: systemctl restart fairway-edge"
    echo 'listen: 0.0.0.0:7443'
    echo 'tls: {certFile: edge.crt, keyFile: edge.key}'
    [ -z "$addresses" ] || echo "addresses: [\"$(printf '%s' "$addresses" | sed 's/,/", "/g')\"]"
    [ -z "$interface" ] || echo "manageAddresses: {interface: $interface}"
    echo 'ports: {deny: [22, 7443]}'
    echo "engine: {$program: $engine}"
  } > "$CONFIG.new"
  chgrp fairway-edge "$CONFIG.new"
  chmod 0640 "$CONFIG.new"
  mv "$CONFIG.new" "$CONFIG"
  say "$CONFIG is written"
elif ! grep -q "\b$program:" "$CONFIG"; then
  fail "$CONFIG is for another program than $program: say engine: {$program: $engine} there, and run this again"
elif [ -n "$addresses$interface" ]; then
  say "$CONFIG stays as it is: --addresses and --interface are for the first time"
fi
secret=''
if [ -n "$cluster" ]; then
  # shellcheck disable=SC2086 # These are words: names and addresses, checked above.
  secret=$(umask 077 && fairway edge init $init)
fi

# --- Start: the edge first, since it makes what the program loads -------------------------------------------------------------------------------------

# Whether a unit runs as ours; a program that has ended may have left its socket.
serving() { systemctl -q is-active "$1" && [ -S "$2" ]; }

systemctl daemon-reload >&2
systemctl enable fairway-edge >&2
# Caddy opens the socket that the edge asks for.
if [ "$program" = caddy ] && ! serving caddy /run/caddy/admin.sock; then
  systemctl enable caddy >&2
  systemctl restart caddy >&2
fi
systemctl restart fairway-edge >&2
case $program in
  haproxy)
    systemctl enable haproxy >&2
    # Without the drop-in it has no master socket. This one restart ends the connections that it has.
    serving haproxy /run/haproxy-master.sock || systemctl restart haproxy >&2
    ;;
  nginx | envoy) systemctl enable --now "fairway-$program" >&2 ;;
esac

ready() { PATH=/opt/fairway:$PATH node -e 'fetch("http://127.0.0.1:7444/readyz").then(async (answer) => { console.error(await answer.text()); process.exit(answer.ok ? 0 : 1) }, () => process.exit(1))' 2> "$1"; }
if grep -q '^status:' "$CONFIG"; then
  say 'installed; see by its status address that it is ready'
else
  tries=0
  answer=$(mktemp)
  until ready "$answer"; do
    tries=$((tries + 1))
    if [ "$tries" -ge 20 ]; then
      cat "$answer" >&2
      rm "$answer"
      fail "the edge is not ready: journalctl -u fairway-edge -n 50"
    fi
    sleep 1
  done
  rm "$answer"
  say "ready: $program serves what fairway-edge is asked for"
fi
[ -z "$secret" ] || cat << END
apiVersion: v1
kind: Namespace
metadata:
  name: fairway
---
$secret
END
