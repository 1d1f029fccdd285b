// What the documents have people type on and for the proxy machine, typed: on bare machines with systemd, from a clone, for a real API server.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { buildSmallCaddy } from '../lab/build.ts'
import { fetchEnvoy } from '../lab/envoy.ts'
import { type Lab, startLab } from '../lab/lab.ts'
import { toStderr } from '../lab/progress.ts'
import { type Desk, type Machines, makeDesk } from './desk.ts'
import { settle, take } from './ledger.ts'
import type { Machine } from './machine.ts'
import { askHook, openHook, typeTable } from './machine-calls.ts'
import { readPage } from './markdown.ts'
import {
  bringCaddy,
  mainProcess,
  type Program,
  placeFiles,
  putKeys,
  serves,
  TAKES_AT_MOST_MS,
  UNITS,
  withMachine,
} from './on-machine.ts'

const WITHIN = { timeout: 2 * TAKES_AT_MOST_MS }
const BUILT_WITHIN = { timeout: 1_800_000 }
const EDGE = '10.1.0.100'
const SECOND = '10.1.0.101'
const VRRP = 'docs/how-to/two-machines.md > Two machines, one address (VRRP)'
const BACKUP = 'docs/edge.md > Backup, upgrade, removal > tar czf'

let [dir, lab, desk]: [string, Lab | undefined, Desk | undefined] = ['', undefined, undefined]
let machines: Machines = {}
before(
  async () => {
    dir = mkdtempSync(join(tmpdir(), 'fairway-desk-'))
    lab = await startLab({ mode: 'api', progress: toStderr }, AbortSignal.timeout(600_000))
    desk = makeDesk(dir, lab, () => machines)
  },
  { timeout: 600_000 },
)
after(async () => {
  await lab?.stop(AbortSignal.timeout(30_000))
  rmSync(dir, { recursive: true, force: true })
})

interface Site {
  readonly machine: Machine
  readonly signal: AbortSignal
  /** Types at the desk, where the clone is. */
  readonly type: (script: string) => Promise<string>
  /** Types on the machine, as root. */
  readonly there: (script: string) => Promise<string>
}

async function atSite(address: string, work: (site: Site) => Promise<void>): Promise<void> {
  await withMachine(address, async (machine, signal) => {
    machines = { ...machines, [address]: machine }
    if (desk === undefined) throw new Error('there is no desk')
    const { type } = desk
    await work({
      machine,
      signal,
      type: async (script) => type(script, signal),
      there: async (script) => machine.must(`cd /root; set -e; ${script}`, signal),
    })
  })
}

test('HAProxy by hand; a second cluster; calls of containers', WITHIN, async () => {
  await atSite(EDGE, async ({ machine, signal, type, there }) => {
    await type(take('docs/start/haproxy.md > By hand > npm ci'))
    await refusals(machine, signal)
    await there(take('docs/start/haproxy.md > By hand > apt-get'))
    await there(`${putKeys(take('docs/start/haproxy.md > By hand > addresses:'))}\nsystemctl restart fairway-edge`)
    await serves(machine, signal)

    const invited = await type(take('docs/how-to/several-clusters.md > Several clusters on one machine > edge init'))
    assert.match(invited, /secret\/fairway-edge-1 created/)
    assert.match(await there('fairway edge token list'), /prod-a\/public[^]*prod-b\/public/)

    // What is not of networks cannot be set here, which sysctl says by its exit code.
    await machine.sh(take(`${VRRP} > sysctl --system`), signal)
    assert.match(await there('sysctl net.ipv4.ip_nonlocal_bind'), /= 1/)
    await there(putKeys(take('docs/edge.md > Configuration > kube-apiserver')))
    await there(putKeys(take('docs/webhook.md > An edge takes the calls > tokenFile')))
    await there(openHook(take('docs/webhook.md > An edge takes the calls > MY_TOKEN')))
    await serves(machine, signal)
    assert.match(await there('ss -ltn'), /203\.0\.113\.1:6443/)
    assert.match(await there(askHook()), /203\.0\.113\.10:8080/)
  })
})

/** What install.sh says of what is missing; it touches nothing then. */
async function refusals(machine: Machine, signal: AbortSignal): Promise<void> {
  const script = '/opt/fairway/edge/install.sh'
  const fails = async (command: string, says: RegExp) => {
    const { code, stderr, stdout } = await machine.sh(command, signal)
    assert.deepEqual([code, stdout], [1, ''], stderr)
    assert.match(stderr, says)
  }
  await fails(script, /PROGRAM/)
  await fails(`${script} haproxy`, /the first time --cluster and --address are needed/)
  await fails(`${script} haproxy --cluster a`, /--cluster needs --address/)
  await fails(`${script} haproxy --cluster 'a;b' --address x`, /no name and no address/)
  await fails(`${script} envoy --cluster a --address 10.1.0.100`, /put Envoy/)
  await fails(`${script} caddy --cluster a --address 10.1.0.100`, /install Caddy/)
  await machine.must('! test -e /etc/fairway', signal)
}

test('HAProxy: tokens, certificates, the API and a backup', WITHIN, async () => {
  await atSite(EDGE, async (site) => {
    const { type, there } = site
    await install('haproxy', 'docs/start/haproxy.md > 1. The machine > install-on', site)
    assert.equal(await type(take('docs/start/haproxy.md > 1. The machine > readyz')), '{"ready":true}')

    const invited = await there(`${take('docs/edge.md > Clusters and tokens > prod-b')}\ncat prod-b.yaml`)
    assert.match(invited, /kind: Secret/)
    await there(take('docs/edge.md > Clusters and tokens > clients.key'))
    assert.match(await there('openssl verify -CAfile clients.crt tls.crt'), /OK/)
    await typeTable(there)
    await there(take('docs/edge.md > When something is wrong'))
    await there(take(BACKUP))
    await second(await there('base64 -w0 /root/fairway-edge.tgz'))
  })
})

/** The second machine of two, and then a new one in place of the first. */
async function second(backup: string): Promise<void> {
  await atSite(SECOND, async ({ machine, signal, type, there }) => {
    assert.match(await type(take(`${VRRP} > install-on`)), /secret\/fairway-edge-2 created/)
    await serves(machine, signal)
    const [, watch = ''] = /script "(.*)"/.exec(take(`${VRRP} > vrrp_script`)) ?? []
    assert.equal(await there(watch), '{"ready":true}')

    const bare = 'systemctl disable --now fairway-edge haproxy; rm -r /etc/fairway /var/lib/fairway-edge'
    // Another machine gives its users other numbers.
    await there(`${bare}; userdel fairway-edge; useradd --system nobody-else`)
    await machine.must('base64 -d > /root/fairway-edge.tgz', signal, { input: backup })
    await there('tar xzf /root/fairway-edge.tgz -C /; /opt/fairway/edge/install.sh haproxy')
    await serves(machine, signal)
    assert.match(await there('fairway edge table list'), /by-hand\/web 1 frontends, generation 2 /)

    const invite = '--cluster prod-a --address 10.1.0.101 --addresses 203.0.113.0/28 --interface lo'
    await there(`${bare}; /opt/fairway/edge/install.sh haproxy ${invite}`)
    await serves(machine, signal)
    const addressed = 'cat /etc/systemd/system/fairway-edge.service.d/addresses.conf'
    const asInstalled = await there(addressed)
    await there(`rm -r /etc/systemd/system/fairway-edge.service.d\n${take('docs/edge.md > Addresses')}`)
    assert.equal(await there(addressed), asInstalled)
    assert.match(await there('cat /etc/fairway/edge.yaml'), /^manageAddresses: {interface: lo}$/m)
    await serves(machine, signal)
  })
}

/** From a bare machine to one that serves; again, which leaves the program alone; and through a restart. */
async function install(program: Program, place: string, { machine, signal, type, there }: Site): Promise<void> {
  assert.match(await type(take(place)), /namespace\/fairway \w+\nsecret\/fairway-edge-1 \w+/)
  await serves(machine, signal)
  const first = await mainProcess(machine, program, signal)
  assert.equal(await there(`/opt/fairway/edge/install.sh ${program}`), '')
  await serves(machine, signal)
  assert.equal(await mainProcess(machine, program, signal), first)
  await there(`systemctl restart ${UNITS[program]} fairway-edge`)
  await serves(machine, signal)
}

/** Takes away what install.sh has put there, and goes by the document's table and commands. */
async function byHand(program: Program, commands: readonly string[], site: Site): Promise<void> {
  const { machine, signal, there } = site
  const file = `docs/edge-${program}.md`
  await there(`systemctl stop fairway-edge ${UNITS[program]}
rm -r /etc/systemd/system/fairway-edge.service.d /etc/sysusers.d/fairway-envoy.conf /etc/tmpfiles.d/fairway-* \\
  /etc/sysctl.d/99-fairway.conf /etc/fairway/{nginx.conf,envoy.yaml} /etc/caddy/fairway.json || true`)
  await there(placeFiles(readPage(file)))
  await there(putKeys(take(`${file} > Install > engine:`)))
  // What is not of networks, and devices, cannot be set here, which sysctl and systemd-tmpfiles say by their exit codes.
  for (const text of commands) await machine.sh(text, signal)
  await there('systemctl restart fairway-edge')
  await serves(machine, signal)
  await mainProcess(machine, program, signal)
}

test('nginx, by the script and by hand', BUILT_WITHIN, async () => {
  await atSite(EDGE, async (site) => {
    const { machine, signal, there } = site
    await install('nginx', 'docs/start/nginx.md', site)
    const commands = ['apt-get', 'enable --now'].map((part) => take(`docs/edge-nginx.md > Install > ${part}`))
    await byHand('nginx', commands, site)
    const [, turn = ''] = /postrotate\n *(.*)\n/.exec(take('docs/edge-nginx.md > Install > postrotate')) ?? []
    await there(`mv /var/log/fairway-nginx/error.log /root; ${turn}; sleep 1; test -e /var/log/fairway-nginx/error.log`)
    const dropIn = take('docs/edge-nginx.md > An nginx that runs already')
    await machine.must('cat > /etc/systemd/system/fairway-edge.service.d/shared.conf', signal, { input: dropIn })
    await there('systemctl daemon-reload; systemctl restart fairway-edge')
    await serves(machine, signal)
  })
})

test('Envoy, by the script and by hand', BUILT_WITHIN, async () => {
  symlinkSync(await fetchEnvoy(toStderr, AbortSignal.timeout(BUILT_WITHIN.timeout)), join(desk?.clone ?? '', 'envoy'))
  await atSite(EDGE, async (site) => {
    await install('envoy', 'docs/start/envoy.md', site)
    await byHand('envoy', ['chmod 0751 /etc/fairway', take('docs/edge-envoy.md > Install > systemd-sysusers')], site)
  })
})

test('Caddy, by the script and by hand', BUILT_WITHIN, async () => {
  const binary = await buildSmallCaddy(toStderr, AbortSignal.timeout(BUILT_WITHIN.timeout))
  await atSite(EDGE, async (site) => {
    const { machine, signal, there } = site
    await bringCaddy(machine, binary, signal)
    await there(take('docs/start/caddy.md > Ten minutes with Caddy and an edge > xcaddy'))
    await install('caddy', 'docs/start/caddy.md > Ten minutes with Caddy and an edge > install-on', site)
    await byHand('caddy', [take('docs/edge-caddy.md > Install > sysctl')], site)
    assert.match(await there('sysctl net.ipv4.tcp_migrate_req'), /= 1/)
  })
})

test('the account of this file is settled', () => settle(import.meta.filename))
