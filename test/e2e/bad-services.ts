/** What users get wrong: told on their Service, with the remedy, and to nobody's cost. */
import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { waitFor } from '../lab/wait.ts'
import { addresses, byHandPorts } from './config.ts'
import { serverKey } from './edge.ts'
import { type Service, webPort } from './objects.ts'
import type { Scenario, Scenarios } from './scenario.ts'

export function badServices(scenario: Scenarios): void {
  scenario('an unknown class: told, and the Service is not written to', refusesUnknownClass)
  scenario('a served Service edited to an unknown class stays served', keepsUnknownClass)
  scenario('a malformed annotation: told, and nothing is guessed', refusesMalformed)
  scenario('a served Service with an annotation edited into a malformed one stays as it was', keepsMalformed)
  scenario('a full pool', refusesFullPool)
  scenario('an address outside every pool', refusesOutside)
  scenario('a port that another Service holds', refusesHeldPort)
  scenario('a port that somebody else has in the configuration of the proxy', refusesConfiguredPort)
  scenario('a port that another process on the edge holds', refusesBoundPort)
}

function publicClass(name: string, value: string): Readonly<Record<string, string>> {
  return { 'fairway.dev/class': 'public', [`fairway.dev/${name}`]: value }
}

function ingressOf(service: Service) {
  return service.status.loadBalancer.ingress
}

async function refusesUnknownClass({ create, services, signal }: Scenario): Promise<void> {
  await create({ name: 'unknown', annotations: { 'fairway.dev/class': 'pubic' }, ports: webPort(101) })
  const says = [/e2e\/unknown/, /"pubic"/, /did you mean "?public/i, /Use one of: public, standard/]
  await services.warningOf('unknown', { reason: 'ClassUnknown', says }, signal)
  const { metadata, status } = await services.get('unknown', signal)
  deepEqual(status, { loadBalancer: {} })
  equal(metadata.finalizers, undefined)
}

async function keepsUnknownClass({ create, services, edge, traffic, signal }: Scenario): Promise<void> {
  await create({ name: 'renamed', ports: webPort(102) })
  const address = await services.addressOf('renamed', signal)
  await traffic.answers(address, 102, '/hostname', signal)
  const key = serverKey('public', 'tcp', address, 102)
  const before = await edge.serverText(key, signal)
  await services.patch('renamed', { metadata: { annotations: { 'fairway.dev/class': 'publik' } } }, signal)
  await services.warningOf('renamed', { reason: 'ClassUnknown', says: [/"publik"/, /Use one of/] }, signal)
  equal(await edge.serverText(key, signal), before)
  deepEqual(ingressOf(await services.get('renamed', signal)), [{ ip: address, ipMode: 'Proxy' }])
  match(await traffic.get(address, 102, '/hostname', signal), /^web-/)
}

async function refusesMalformed({ create, services, edge, signal }: Scenario): Promise<void> {
  await create({ name: 'malformed', annotations: publicClass('proxy-protocol', 'v3'), ports: webPort(103) })
  const says = [/e2e\/malformed/, /fairway\.dev\/proxy-protocol: "v3"/, /Set it to one of v1, v2, off/]
  await services.warningOf('malformed', { reason: 'AnnotationInvalid', says }, signal)
  equal(ingressOf(await services.get('malformed', signal)), undefined)
  ok(!(await edge.text('apps/layer4/servers', signal)).includes(':103'))
  await services.patch('malformed', { metadata: { annotations: publicClass('proxy-protocol', 'off') } }, signal)
  equal(await services.addressOf('malformed', signal), addresses.publicFirst, 'the remedy helps')
}

async function keepsMalformed({ create, services, edge, traffic, signal }: Scenario): Promise<void> {
  await create({ name: 'mangled', annotations: publicClass('balance', 'source'), ports: webPort(104) })
  const address = await services.addressOf('mangled', signal)
  await traffic.answers(address, 104, '/hostname', signal)
  const key = serverKey('public', 'tcp', address, 104)
  const before = await edge.serverText(key, signal)
  match(before ?? '', /"ip_hash"/)
  await services.patch('mangled', { metadata: { annotations: publicClass('balance', 'sauce') } }, signal)
  const says = [/fairway\.dev\/balance: "sauce"/, /Set it to one of round-robin/]
  await services.warningOf('mangled', { reason: 'AnnotationInvalid', says }, signal)
  equal(await edge.serverText(key, signal), before)
  deepEqual(ingressOf(await services.get('mangled', signal)), [{ ip: address, ipMode: 'Proxy' }])
  match(await traffic.get(address, 104, '/hostname', signal), /^web-/)
}

async function refusesFullPool({ create, services, traffic, signal }: Scenario): Promise<void> {
  const annotations = { 'fairway.dev/class': 'small' }
  await create({ name: 'fits', annotations, ports: webPort(105) })
  equal(await services.addressOf('fits', signal), addresses.small)
  await traffic.answers(addresses.small, 105, '/hostname', signal)
  await create({ name: 'too-many', annotations, ports: webPort(105) })
  const says = [/e2e\/too-many/, /105\/TCP/, /e2e\/fits/, /Add addresses to a pool of the class, or free the port/]
  await services.warningOf('too-many', { reason: 'PoolExhausted', says }, signal)
  equal(ingressOf(await services.get('too-many', signal)), undefined)
  match(await traffic.get(addresses.small, 105, '/hostname', signal), /^web-/)
  await services.remove('fits', signal)
  equal(await services.addressOf('too-many', signal), addresses.small, 'the remedy helps')
}

async function refusesOutside({ create, services, signal }: Scenario): Promise<void> {
  await create({ name: 'outside', annotations: publicClass('address', '192.0.2.77'), ports: webPort(106) })
  const says = [/e2e\/outside/, /192\.0\.2\.77/, /Use one of: 203\.0\.113\.10-203\.0\.113\.14/]
  await services.warningOf('outside', { reason: 'AddressOutsidePools', says }, signal)
  equal(ingressOf(await services.get('outside', signal)), undefined)
}

async function refusesHeldPort({ create, services, edge, traffic, signal }: Scenario): Promise<void> {
  const at = publicClass('address', '203.0.113.12')
  await create({ name: 'holder', annotations: at, ports: webPort(107) })
  equal(await services.addressOf('holder', signal), '203.0.113.12')
  await traffic.answers('203.0.113.12', 107, '/hostname', signal)
  const before = await edge.serverText(serverKey('public', 'tcp', '203.0.113.12', 107), signal)
  await create({ name: 'latecomer', annotations: at, ports: [...webPort(107), ...webPort(108)] })
  const says = [
    /e2e\/latecomer/,
    /107\/TCP/,
    /203\.0\.113\.12/,
    /e2e\/holder/,
    /Choose another port or another address/,
  ]
  await services.warningOf('latecomer', { reason: 'PortTaken', says }, signal)
  equal(await services.addressOf('latecomer', signal), '203.0.113.12', 'its other port is served')
  const [entry] = ingressOf(await services.get('latecomer', signal)) ?? []
  deepEqual(entry?.ports, [
    { port: 107, protocol: 'TCP', error: 'fairway.dev/PortTaken' },
    { port: 108, protocol: 'TCP' },
  ])
  match(await traffic.answers('203.0.113.12', 108, '/hostname', signal), /^web-/)
  equal(await edge.serverText(serverKey('public', 'tcp', '203.0.113.12', 107), signal), before)
  match(await traffic.get('203.0.113.12', 107, '/hostname', signal), /^web-/)
}

async function refusesConfiguredPort({ create, services, traffic, signal }: Scenario): Promise<void> {
  const { publicLast: address } = addresses
  await create({ name: 'in-the-way', annotations: publicClass('address', address), ports: webPort(byHandPorts.taken) })
  const says = [/edge-1/, /apps\.layer4\.servers\.by-hand/, /Use another port or address, or move that listener/]
  await services.warningOf('in-the-way', { reason: 'PortTaken', says }, signal)
  equal(ingressOf(await services.get('in-the-way', signal)), undefined)
  equal(await traffic.get(address, byHandPorts.taken, '/', signal), 'made by hand')
}

/** A process of which Caddy's configuration says nothing. The remedy is to stop it, so the test does. */
async function refusesBoundPort({ create, cleanUp, services, traffic, lab, signal }: Scenario): Promise<void> {
  const address = '203.0.113.13'
  const program = `require('http').createServer((_, answer) => answer.end('a squatter')).listen(109, '${address}')`
  const squatter = lab.spawn('edge', 'squatter', [process.execPath, '-e', program])
  cleanUp(async (late) => squatter.stop(0, late))
  await traffic.answers(address, 109, '/', signal)
  await create({
    name: 'squatted',
    annotations: publicClass('address', address),
    ports: [...webPort(109), ...webPort(110)],
  })
  const says = [/edge-1/, new RegExp(`${address}:109`), /Find the process there \(ss -ltnp/]
  await services.warningOf('squatted', { reason: 'PortTaken', says }, signal)
  equal(await services.addressOf('squatted', signal), address, 'its other port is served')
  const [entry] = ingressOf(await services.get('squatted', signal)) ?? []
  deepEqual(entry?.ports, [
    { port: 109, protocol: 'TCP', error: 'fairway.dev/PortTaken' },
    { port: 110, protocol: 'TCP' },
  ])
  match(await traffic.answers(address, 110, '/hostname', signal), /^web-/)
  equal(await traffic.get(address, 109, '/', signal), 'a squatter')
  await squatter.stop(0, signal)
  const served = async (limit: AbortSignal) => (await traffic.get(address, 109, '/hostname', limit)).startsWith('web-')
  await waitFor('the port to be taken over', served, { timeoutMs: 20_000 }, signal)
  await services.until('squatted', 'to have no error', (service) => !ingressOf(service)?.[0]?.ports, signal)
}
