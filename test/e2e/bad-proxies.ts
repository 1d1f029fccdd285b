/** What goes wrong with proxies: told on the Services that they were to serve, and to nobody else's cost. */
import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { addresses } from './config.ts'
import { listeningSockets, serverKey } from './edge.ts'
import { webPort } from './objects.ts'
import type { Scenario, Scenarios } from './scenario.ts'

export function badProxies(scenario: Scenarios): void {
  scenario('an address in a network that the edge does not have', refusesFarAddress)
  scenario("an address of the edge's network that it does not bear", refusesNearAddress)
  scenario('a proxy that rejects the configuration', survivesRejection)
  scenario('a proxy that is down, comes back without layer4, and then with nothing', survivesOutage)
}

const spare = { 'fairway.dev/class': 'spare' } as const

async function refusesFarAddress({ create, services, edge, lab, signal }: Scenario): Promise<void> {
  const before = await listeningSockets(lab, signal)
  const config = await edge.text('', signal)
  await create({ name: 'far', annotations: { 'fairway.dev/class': 'far' }, ports: webPort(201) })
  const says = [/edge-1/, new RegExp(`${addresses.far}:201`), /no host answers/, /Add the address to the proxy/]
  await services.warningOf('far', { reason: 'AddressNotOnProxy', says }, signal)
  equal((await services.get('far', signal)).status.loadBalancer.ingress, undefined)
  equal(await edge.text('', signal), config, 'nothing was tried at the proxy')
  deepEqual(await listeningSockets(lab, signal), before)
}

async function refusesNearAddress({ create, cleanUp, services, spare: proxy, lab, signal }: Scenario): Promise<void> {
  const { near } = addresses
  // Others on the same proxy are served, before and after.
  await create({ name: 'near-by', annotations: spare, ports: webPort(202) })
  equal(await services.addressOf('near-by', signal), addresses.spare)
  const before = await listeningSockets(lab, signal)
  await create({ name: 'near', annotations: { 'fairway.dev/class': 'near' }, ports: webPort(203) })
  const says = [/edge-2/, /203\.0\.113\.99/, /Add the address to the proxy/]
  await services.warningOf('near', { reason: 'AddressNotOnProxy', says }, signal)
  equal((await services.get('near', signal)).status.loadBalancer.ingress, undefined)
  equal(await proxy.edge.serverText(serverKey('near', 'tcp', near, 203), signal), undefined)
  ok(
    !proxy.edge.log().includes('cannot assign requested address'),
    'a write that fails at start leaves listeners behind',
  )
  deepEqual(await listeningSockets(lab, signal), before)
  await create({ name: 'near-too', annotations: spare, ports: webPort(204) })
  equal(await services.addressOf('near-too', signal), addresses.spare)
  const ip = async (verb: string, limit: AbortSignal) =>
    lab.inNamespace('edge', ['ip', 'addr', verb, `${near}/24`, 'dev', 'pub'], limit)
  cleanUp(async (late) => void (await ip('del', late)))
  await ip('add', signal)
  equal(await services.addressOf('near', signal), near, 'the remedy helps')
}

async function survivesRejection({ create, services, spare: proxy, traffic, signal }: Scenario): Promise<void> {
  await create({ name: 'served', annotations: spare, ports: webPort(205) })
  const address = await services.addressOf('served', signal)
  await traffic.answers(address, 205, '/hostname', signal)
  const before = await proxy.edge.text('', signal)
  // Caddy loads everything anew with each change, the http side's certificates too.
  rmSync(proxy.certificate)
  await create({ name: 'rejected', annotations: spare, ports: webPort(206) })
  const says = [
    /edge-2/,
    /rejected the configuration and goes on with the one before/,
    /edge-2\.crt/,
    /Read Caddy's log/,
  ]
  await services.warningOf('rejected', { reason: 'ProxyRejected', says }, signal)
  equal((await services.get('rejected', signal)).status.loadBalancer.ingress, undefined)
  equal(await proxy.edge.text('', signal), before)
  match(await traffic.get(address, 205, '/hostname', signal), /^web-/)
  deepEqual((await services.get('served', signal)).status.loadBalancer.ingress, [{ ip: address, ipMode: 'Proxy' }])
  proxy.restoreCertificate()
  equal(await services.addressOf('rejected', signal), address, 'the remedy helps')
  match(await traffic.answers(address, 206, '/hostname', signal), /^web-/)
}

async function survivesOutage({ create, services, spare: proxy, traffic, lab, signal }: Scenario): Promise<void> {
  await create({ name: 'early', annotations: spare, ports: webPort(207) })
  const address = await services.addressOf('early', signal)
  const before = await proxy.edge.text('apps/layer4', signal)
  await proxy.stop(signal)
  await create({ name: 'late', annotations: spare, ports: webPort(208) })
  const unreachable = [/edge-2/, /connection refused/, /Check that Caddy runs/]
  await services.warningOf('late', { reason: 'ProxyUnreachable', says: unreachable }, signal)
  await services.warningOf('early', { reason: 'ProxyUnreachable', says: unreachable }, signal)
  equal((await services.get('late', signal)).status.loadBalancer.ingress, undefined)
  deepEqual((await services.get('early', signal)).status.loadBalancer.ingress, [{ ip: address, ipMode: 'Proxy' }])
  await proxy.start('plain', signal)
  const lacks = [/edge-2/, /without the layer4 app/, /Replace its binary/]
  await services.warningOf('late', { reason: 'ProxyLayer4Missing', says: lacks }, signal)
  await services.warningOf('early', { reason: 'ProxyLayer4Missing', says: lacks }, signal)
  await proxy.stop(signal)
  await proxy.start('layer4', signal)
  equal(await services.addressOf('late', signal), address)
  for (const number of [207, 208]) match(await traffic.answers(address, number, '/hostname', signal), /^web-/)
  await services.remove('late', signal)
  equal(await proxy.edge.text('apps/layer4', signal), before, 'all of it is back')
  await services.until('early', 'to be served again', isProgrammed, signal)
  const sockets = await listeningSockets(lab, signal)
  ok(sockets.includes(`tcp ${address}:207`))
}

function isProgrammed({ status }: Parameters<Parameters<Scenario['services']['until']>[2]>[0]): boolean {
  const condition = status.conditions?.find(({ type }) => type === 'fairway.dev/Programmed')
  return condition?.status === 'True' && condition.message === 'Served by 1 of 1 proxies: edge-2'
}
