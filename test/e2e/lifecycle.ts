/** A Service that becomes something else: what it holds goes with it, or goes back, and nothing is left behind. */
import { deepEqual, equal, match, notEqual, ok } from 'node:assert/strict'
import { addresses, strict } from './config.ts'
import { serverKey, serversPath } from './edge.ts'
import { webPort } from './objects.ts'
import type { Scenario, Scenarios } from './scenario.ts'
import { startProbe } from './traffic.ts'

export function lifecycle(scenario: Scenarios): void {
  scenario('LoadBalancer, NodePort and back keeps the address and its traffic; ClusterIP gives it up', changesType)
  scenario('a Service that changes its class moves, and leaves nothing behind', changesClass)
  scenario('a Service deleted and created anew under its name', isRecreated)
  scenario('a port that its class keeps for others, and more frontends than a namespace may have', keepsToLimits)
}

async function changesType({ create, cleanUp, services, edge, traffic, lab, signal }: Scenario): Promise<void> {
  await create({ name: 'before', ports: webPort(131) })
  equal(await services.addressOf('before', signal), addresses.publicFirst)
  await create({ name: 'turns', ports: webPort(131) })
  const address = await services.addressOf('turns', signal)
  notEqual(address, addresses.publicFirst, 'the first address has that port no more')
  // Given anew, it would be the first.
  await services.remove('before', signal)
  await traffic.answers(address, 131, '/hostname', signal)
  const probe = startProbe(lab, 'turns', [`http://${address}:131/hostname`])
  cleanUp(async (late) => probe.stop(late))
  const startMs = Date.now()
  await services.patch('turns', { spec: { type: 'NodePort' } }, signal)
  equal(await services.addressOf('turns', signal), address)
  const turned = await services.get('turns', signal)
  deepEqual(turned.status.loadBalancer, {})
  await services.patch('turns', { spec: { type: 'LoadBalancer' } }, signal)
  equal(await services.addressOf('turns', signal), address)
  await services.until('turns', 'to drop the annotation', hasNoAnnotation, signal)
  await probe.steadySince(startMs, signal)
  await probe.stop(signal)
  await services.patch('turns', { spec: { type: 'ClusterIP' } }, signal)
  await services.released('turns', signal)
  equal(await edge.serverText(serverKey('public', 'tcp', address, 131), signal), undefined)
  await traffic.refused(address, 131, signal)
  await services.patch('turns', { spec: { type: 'LoadBalancer' } }, signal)
  equal(await services.addressOf('turns', signal), addresses.publicFirst, 'what was given up is forgotten')
}

function hasNoAnnotation({ metadata }: Awaited<ReturnType<Scenario['services']['get']>>): boolean {
  return metadata.annotations?.['fairway.dev/external-address'] === undefined
}

async function changesClass({ create, services, edge, traffic, signal }: Scenario): Promise<void> {
  await create({ name: 'moves', ports: webPort(132) })
  await create({ name: 'stays-there', ports: webPort(133) })
  const address = await services.addressOf('moves', signal)
  match(await traffic.answers(address, 132, '/hostname', signal), /^web-/)
  await services.patch('moves', { metadata: { annotations: { 'fairway.dev/class': 'standard' } } }, signal)
  const arrived = await services.until(
    'moves',
    'to have the address of its new class',
    ({ status }) => status.loadBalancer.ingress?.[0]?.ip === addresses.standard,
    signal,
  )
  equal(arrived.status.loadBalancer.ingress?.length, 1)
  match(await traffic.answers(addresses.standard, 132, '/hostname', signal), /^web-/)
  await traffic.refused(address, 132, signal)
  ok(!(await edge.text(serversPath, signal)).includes(serverKey('public', 'tcp', address, 132)))
  match(await traffic.answers(address, 133, '/hostname', signal), /^web-/)
  // The finalizer of the class that it left would hold it for ever.
  const finalizers = (service: typeof arrived) => service.metadata.finalizers ?? []
  const own = await services.until('moves', 'to have one finalizer', (one) => finalizers(one).length === 1, signal)
  deepEqual(finalizers(own), ['service.kubernetes.io/load-balancer-cleanup'])
}

async function isRecreated({ create, services, traffic, signal }: Scenario): Promise<void> {
  const former = await create({ name: 'again', ports: webPort(134) })
  const address = await services.addressOf('again', signal)
  match(await traffic.answers(address, 134, '/hostname', signal), /^web-/)
  await services.remove('again', signal)
  const latter = await create({ name: 'again', ports: webPort(135) })
  notEqual(latter.metadata.uid, former.metadata.uid)
  equal(await services.addressOf('again', signal), address)
  match(await traffic.answers(address, 135, '/hostname', signal), /^web-/)
  await traffic.refused(address, 134, signal)
  const { status } = await services.get('again', signal)
  const allocated = status.conditions?.find(({ type }) => type === 'fairway.dev/Allocated')
  match(allocated?.message ?? '', /135\/TCP/)
  ok(!allocated?.message.includes('134'), 'nothing of the former one is known')
}

async function keepsToLimits({ create, services, traffic, signal }: Scenario): Promise<void> {
  const annotations = { 'fairway.dev/class': 'strict' }
  await create({ name: 'reserved', annotations, ports: [...webPort(strict.port), ...webPort(136)] })
  const says = [/e2e\/reserved/, new RegExp(`${strict.port}/TCP`)]
  await services.warningOf('reserved', { reason: 'PortReserved', says }, signal)
  equal(await services.addressOf('reserved', signal), addresses.strict, 'its other port is served')
  match(await traffic.answers(addresses.strict, 136, '/hostname', signal), /^web-/)
  await traffic.refused(addresses.strict, strict.port, signal)
  await create({ name: 'within', annotations, ports: webPort(137) })
  equal(await services.addressOf('within', signal), addresses.strict)
  await create({ name: 'beyond', annotations, ports: webPort(138) })
  const most = [/e2e\/beyond/, /namespace.*e2e|e2e.*namespace/i, new RegExp(`\\b${strict.frontends}\\b`)]
  await services.warningOf('beyond', { reason: 'QuotaExceeded', says: most }, signal)
  equal((await services.get('beyond', signal)).status.loadBalancer.ingress, undefined)
  match(await traffic.answers(addresses.strict, 137, '/hostname', signal), /^web-/)
  await services.remove('within', signal)
  equal(await services.addressOf('beyond', signal), addresses.strict, 'the remedy helps')
}
