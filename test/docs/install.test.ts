// deploy/edge/install-on sets a bare machine up for each program: a real systemd, the real units, from a clean clone. Steps by hand do the same.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { parseAllDocuments } from 'yaml'
import { buildSmallCaddy } from '../lab/build.ts'
import { fetchEnvoy } from '../lab/envoy.ts'
import { toStderr } from '../lab/progress.ts'
import { bundle, cloneSources, installOn, serves, TAKES_AT_MOST_MS, withMachine } from './clone.ts'
import type { Machine } from './machine.ts'
import { readPage } from './markdown.ts'

const BUILT_WITHIN_MS = 1_800_000
const PROGRAMS = ['haproxy', 'nginx', 'envoy', 'caddy'] as const
type Program = (typeof PROGRAMS)[number]

/** Of the proxy program's first process, to see that it was left alone. */
const UNITS: Readonly<Record<Program, string>> = {
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

let clone = ''
before(() => {
  clone = cloneSources(mkdtempSync(join(tmpdir(), 'fairway-clone-')))
})
after(() => rmSync(clone, { recursive: true, force: true }))

for (const program of PROGRAMS) {
  test(`install-on sets up a bare machine with ${program}, and again without harm`, {
    timeout: BUILT_WITHIN_MS,
  }, async () => {
    const bring = await bringProgram(program)
    await withMachine(async (machine, signal) => {
      await bring(machine, signal)
      const install = async (...flags: readonly string[]) => installOn(machine, clone, [program, ...flags], signal)
      const secret = await install(
        ...'--cluster prod-a --class public --address 10.1.0.100 --addresses 203.0.113.0/28'.split(' '),
      )
      const kinds = parseAllDocuments(secret).map((one) => (one.toJS() as { readonly kind: string }).kind)
      assert.deepEqual(kinds, ['Namespace', 'Secret'])
      await serves(machine, signal)
      const first = await mainProcess(machine, program, signal)
      assert.equal(await install(), '')
      await serves(machine, signal)
      assert.equal(await mainProcess(machine, program, signal), first)
      await machine.must(`systemctl restart ${UNITS[program]} fairway-edge`, signal)
      await serves(machine, signal)
    })
  })
}

test('each step by hand does the same', { timeout: TAKES_AT_MOST_MS }, async () => {
  await withMachine(async (machine, signal) => {
    await bundle(machine, clone, signal)
    const [, byHand = ''] = readPage('docs/start/haproxy.md')
      .blocks.filter(({ heading, language }) => heading === 'By hand' && language === 'sh')
      .flatMap(({ text }) => (text.startsWith('apt-get') ? ['', text] : []))
    // What is there already; nothing else of a machine without a network can differ.
    await machine.must(`set -e\n${byHand.replace(/^apt-get .*$/m, ':')}`, signal, { timeoutMs: 60_000 })
    await machine.must(
      'echo "addresses: [203.0.113.0/28]" >> /etc/fairway/edge.yaml; systemctl restart fairway-edge',
      signal,
    )
    await serves(machine, signal)
  })
})

test('install.sh says what is missing, and touches nothing then', { timeout: TAKES_AT_MOST_MS }, async () => {
  await withMachine(async (machine, signal) => {
    const script = '/opt/fairway/edge/install.sh'
    const fails = async (command: string, says: RegExp) => {
      const { code, stderr, stdout } = await machine.sh(command, signal)
      assert.deepEqual([code, stdout], [1, ''], stderr)
      assert.match(stderr, says)
    }
    await bundle(machine, clone, signal)
    await fails(script, /PROGRAM/)
    await fails(`${script} haproxy`, /the first time --cluster and --address are needed/)
    await fails(`${script} haproxy --cluster a`, /--cluster needs --address/)
    await fails(`${script} haproxy --cluster 'a;b' --address x`, /no name and no address/)
    await fails(`${script} envoy --cluster a --address 10.1.0.100`, /put Envoy/)
    await fails(`${script} caddy --cluster a --address 10.1.0.100`, /install Caddy/)
    await machine.must('! test -e /etc/fairway', signal)
  })
})

async function mainProcess(machine: Machine, program: Program, signal: AbortSignal): Promise<string> {
  const pid = (await machine.must(`systemctl show -p MainPID --value ${UNITS[program]}`, signal)).trim()
  assert.notEqual(pid, '0')
  return pid
}

/** What an administrator does first. */
async function bringProgram(program: Program): Promise<(machine: Machine, signal: AbortSignal) => Promise<void>> {
  const signal = AbortSignal.timeout(BUILT_WITHIN_MS)
  if (program === 'envoy') {
    const binary = await fetchEnvoy(toStderr, signal)
    return async (machine, limit) => void (await machine.must(`install -m 755 ${binary} /usr/local/bin/envoy`, limit))
  }
  if (program !== 'caddy') return async () => {}
  const binary = await buildSmallCaddy(toStderr, signal)
  return async (machine, limit) => {
    const account = '--system --user-group --home-dir /var/lib/caddy --create-home --shell /usr/sbin/nologin'
    await machine.must(`install -m 755 ${binary} /usr/bin/caddy; useradd ${account} caddy`, limit)
    await machine.must('cat > /etc/systemd/system/caddy.service', limit, { input: CADDY_UNIT })
    await machine.must('systemctl daemon-reload', limit)
  }
}
