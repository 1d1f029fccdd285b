#!/bin/sh
# Starts HAProxy anew; the one before serves the connections that it has.
old=$(cat haproxy.pid 2> /dev/null)
haproxy -D -f haproxy.cfg -p haproxy.pid ${old:+-sf $old} || exit 1
cat haproxy.pid >> pids
