// What docs/edge.md and the how-tos have people type on the proxy machine, typed on one.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { bundle, cloneSources, installOn, serves, TAKES_AT_MOST_MS, withMachine } from './clone.ts'
import { script } from './markdown.ts'

const WITHIN = { timeout: 2 * TAKES_AT_MOST_MS }
const INVITE = '--cluster prod-a --class public --address 10.1.0.100 --addresses 203.0.113.0/28'.split(' ')

let clone = ''
before(() => {
  clone = cloneSources(mkdtempSync(join(tmpdir(), 'fairway-clone-')))
})
after(() => rmSync(clone, { recursive: true, force: true }))

test('firewalls, tokens, certificates, the API, backup and removal', WITHIN, async () => {
  await withMachine(async (machine, signal) => {
    await installOn(machine, clone, ['haproxy', ...INVITE], signal)
    const type = async (text: string) => machine.must(`cd /root; set -e; ${text}`, signal)
    await firewalls(type)
    await tokens(type)
    await api(type)
    await type(script('docs/edge.md', 'When something is wrong', 'readyz'))
    await type(script('docs/edge.md', 'Backup, upgrade, removal', 'tar czf'))
    await serves(machine, signal)
    await type(script('docs/edge.md', 'Backup, upgrade, removal', 'systemctl disable'))
    assert.doesNotMatch(await type('ps -C haproxy -o args='), /fairway/)
  })
})

test('a backup on a new machine serves what the old one did', WITHIN, async () => {
  await withMachine(async (machine, signal) => {
    const type = async (text: string) => machine.must(`cd /root; set -e; ${text}`, signal)
    await installOn(machine, clone, ['haproxy', ...INVITE], signal)
    await type(script('docs/edge.md', 'Backup, upgrade, removal', 'tar czf'))
    await type(
      'systemctl disable --now fairway-edge haproxy; rm -rf /etc/fairway /var/lib/fairway-edge /etc/systemd/system/haproxy.service.d',
    )
    // Another machine gives its users other numbers.
    await type('userdel fairway-edge; useradd --system nobody-else; tar xzf /root/fairway-edge.tgz -C /')
    await bundle(machine, clone, signal)
    assert.equal(await installOn(machine, clone, ['haproxy'], signal), '')
    await serves(machine, signal)
  })
})

test('addresses that the edge puts on an interface, and where two machines have them', WITHIN, async () => {
  await withMachine(async (machine, signal) => {
    const type = async (text: string) => machine.must(`cd /root; set -e; ${text}`, signal)
    await installOn(machine, clone, ['haproxy', ...INVITE, '--interface', 'lo'], signal)
    await serves(machine, signal)
    const asInstalled = await type('cat /etc/systemd/system/fairway-edge.service.d/addresses.conf')
    await type(script('docs/edge.md', 'Addresses', 'CAP_NET_ADMIN'))
    assert.equal(await type('cat /etc/systemd/system/fairway-edge.service.d/addresses.conf'), asInstalled)
    assert.match(await type('cat /etc/fairway/edge.yaml'), /^manageAddresses: {interface: lo}$/m)
    // What is not of networks cannot be set here, which sysctl says.
    await machine.sh(
      script('docs/how-to/two-machines.md', 'Two machines, one address (VRRP)', 'sysctl --system'),
      signal,
    )
    assert.match(await type('sysctl net.ipv4.ip_nonlocal_bind'), /= 1/)
    await serves(machine, signal)
  })
})

type Type = (text: string) => Promise<string>

async function firewalls(type: Type): Promise<void> {
  await type(script('docs/edge.md', 'Firewall', 'nft'))
  await type(script('docs/how-to/node-port-firewall.md', 'Firewalling node ports', 'nodeports'))
  const rules = await type('nft list table inet fairway')
  assert.match(rules, /iifname != "lo" tcp dport 7443 ip saddr != .* drop/)
  assert.match(rules, /udp dport 30000-32767 fib daddr type local ip saddr != .* drop/)
}

async function tokens(type: Type): Promise<void> {
  const invited = await type(`${script('docs/edge.md', 'Clusters and tokens', 'edge init')}\ncat prod-b.yaml`)
  assert.match(invited, /kind: Secret/)
  assert.match(await type('fairway edge token list'), /prod-b/)
  await type(script('docs/edge.md', 'Clusters and tokens', 'openssl'))
  assert.match(await type('openssl verify -CAfile clients.crt tls.crt'), /OK/)
}

async function api(type: Type): Promise<void> {
  const first = script('docs/edge.md', 'The API', 'api()')
  // Of prod-a there is no table here; the other one is made.
  const answers = await type(`${first}\necho; echo made:\n${script('docs/edge.md', 'The API', 'PATCH')}`)
  assert.match(answers, /"NotFound"[^]*\nmade:\n/)
  assert.doesNotMatch(answers.split('\nmade:\n')[1] ?? '', /"remedy"/)
  assert.match(await type('fairway edge table list'), /by-hand\/web 1 frontends, generation 2 /)
  await type(`${first}\n${script('docs/edge.md', 'The API', 'DELETE')}`)
  assert.doesNotMatch(await type('fairway edge token list'), /prod-a/)
  assert.match(await type('fairway edge table remove by-hand/web'), /removed/)
}
