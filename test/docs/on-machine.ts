/** What somebody does to a bare machine by the documents, and what is seen of it. */
import assert from 'node:assert/strict'
import { type Machine, startMachine } from './machine.ts'
import type { Page } from './markdown.ts'

export const TAKES_AT_MOST_MS = 240_000

export type Program = 'haproxy' | 'nginx' | 'envoy' | 'caddy'

export const UNITS: Readonly<Record<Program, string>> = {
  haproxy: 'haproxy',
  nginx: 'fairway-nginx',
  envoy: 'fairway-envoy',
  caddy: 'caddy',
}

/** As Caddy's own package has it. */
const CADDY_UNIT = `[Unit]
After=network.target
[Service]
Type=notify
User=caddy
Group=caddy
ExecStart=/usr/bin/caddy run --environ --config /etc/caddy/Caddyfile
ExecReload=/usr/bin/caddy reload --config /etc/caddy/Caddyfile --force
TimeoutStopSec=5s
PrivateTmp=true
ProtectSystem=full
AmbientCapabilities=CAP_NET_ADMIN CAP_NET_BIND_SERVICE
[Install]
WantedBy=multi-user.target
`

/** Does something to a bare machine, `inside` to the cluster, that has the addresses of the documents. */
export async function withMachine(
  inside: string,
  work: (machine: Machine, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const signal = AbortSignal.timeout(TAKES_AT_MOST_MS)
  const machine = await startMachine(undefined, signal)
  try {
    const addresses = ['203.0.113.1/28', '203.0.113.10/28', `${inside}/32`]
    await machine.must(addresses.map((one) => `ip address add ${one} dev lo`).join('; '), signal)
    await work(machine, signal)
  } catch (error) {
    process.stderr.write((await machine.sh('journalctl --no-pager -n 60', AbortSignal.timeout(10_000))).stdout)
    throw error
  } finally {
    await machine.stop()
  }
}

/** Whether the edge is ready, and no unit of the machine has failed. */
export async function serves(machine: Machine, signal: AbortSignal): Promise<void> {
  const ask = 'for i in 1 2 3 4 5 6 7 8 9; do curl -sf http://127.0.0.1:7444/readyz && break; sleep 1; done'
  assert.deepEqual(JSON.parse(await machine.must(ask, signal)), { ready: true })
  assert.equal(await machine.must('systemctl list-units --failed --plain --no-legend', signal), '')
}

/** Of the proxy program's first process, to see that it was left alone. */
export async function mainProcess(machine: Machine, program: Program, signal: AbortSignal): Promise<string> {
  const pid = (await machine.must(`systemctl show -p MainPID --value ${UNITS[program]}`, signal)).trim()
  assert.notEqual(pid, '0')
  return pid
}

/** What Caddy's own package brings, and an `xcaddy` that builds the Caddy of the tests. */
export async function bringCaddy(machine: Machine, binary: string, signal: AbortSignal): Promise<void> {
  const account = '--system --user-group --home-dir /var/lib/caddy --create-home --shell /usr/sbin/nologin'
  const xcaddy = `#!/bin/sh\nwhile [ "$1" != --output ]; do shift; done\nexec install -m 755 ${binary} "$2"\n`
  await machine.must(`rm -f /usr/bin/caddy; echo plain > /usr/bin/caddy; useradd ${account} caddy`, signal)
  await machine.must('cat > /etc/systemd/system/caddy.service; systemctl daemon-reload', signal, { input: CADDY_UNIT })
  await machine.must('cat > /usr/local/bin/xcaddy; chmod 755 /usr/local/bin/xcaddy', signal, { input: xcaddy })
}

/** The commands of a document's table of files of deploy/, "file" and "goes to", where the bundle has them in /opt/fairway. */
export function placeFiles({ text }: Page): string {
  const rows = [...text.matchAll(/^ *\| \[[^\]]*\]\(\.\.\/deploy\/([^)]*)\) +\| `([^`]*)` +\|$/gm)]
  assert.ok(rows.length > 2, 'the table of files was not found')
  return rows
    .map(([, from = '', to = '']) => {
      const into = /\.[a-z]+$/.test(to) ? to : `${to}/${from.split('/').at(-1)}`
      return `install -D -m 0644 /opt/fairway/${from} ${into}`
    })
    .join('\n')
}

/** `/etc/fairway/edge.yaml` with the keys of a document's block in place of its own. */
export function putKeys(block: string): string {
  const keys = [...block.matchAll(/^(\w+):/gm)].map(([, key = '']) => key)
  return `for key in ${keys.join(' ')}; do sed -i "/^$key:/,/^[a-z#]/{/^$key:/d;/^ /d}" /etc/fairway/edge.yaml; done
cat >> /etc/fairway/edge.yaml <<'END'
${block}END`
}
