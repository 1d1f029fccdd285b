/** What goes wrong on the machine of HAProxy: traffic goes on, and those whom it concerns are told. */
import { equal, match, ok } from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { createMaster } from '../../src/edge/engines/haproxy/master.ts'
import { byHandPorts, haproxyAddresses, haproxyName, haproxySteady } from './haproxy-config.ts'
import { askFixed } from './haproxy-world.ts'
import { type Service, webPort } from './objects.ts'
import type { Scenario, Scenarios } from './scenario.ts'

const inClass = { 'fairway.dev/class': 'haproxy' } as const
const { first } = haproxyAddresses

export function haproxyTrouble(scenario: Scenarios): void {
  scenario('HAProxy: a hand edit of the file that the edge writes is repaired', repairsFile)
  scenario('HAProxy: the edge is killed, traffic goes on, and Services are told until it is back', survivesEdge)
  scenario('HAProxy: it restarts with everything that it served', restarts)
}

function isWell({ status }: Service): boolean {
  const programmed = status.conditions?.find(({ type }) => type === 'fairway.dev/Programmed')
  return programmed?.status === 'True' && programmed.message === `Served by 1 of 1 proxies: ${haproxyName}`
}

async function repairsFile(scenario: Scenario): Promise<void> {
  const { create, cleanUp, services, haproxy, traffic, lab, signal } = scenario

  await create({ name: 'mended', annotations: inClass, ports: [...webPort(311), ...webPort(312)] })
  equal(await services.addressOf('mended', signal), first)
  for (const port of [311, 312]) await traffic.answers(first, port, '/hostname', signal)
  const { configFile, masterSocket } = haproxy.program.files
  const edited = haproxy.file().replace(`bind ${first}:311`, `bind ${first}:313`)
  match(edited, new RegExp(`bind ${first}:313`))
  writeFileSync(configFile, edited)
  await createMaster(masterSocket).reload(signal)
  await traffic.answers(first, 313, '/hostname', signal)
  await traffic.refused(first, 311, signal)
  // A change that HAProxy needs no reload for, unless there is more to be put right.
  cleanUp(async (late) => void (await lab.kubectl(['uncordon', 'n3'], late)))
  await lab.kubectl(['cordon', 'n3'], signal)
  for (const port of [311, 312]) match(await traffic.answers(first, port, '/hostname', signal), /^web-/)
  await traffic.refused(first, 313, signal)
  ok(!haproxy.file().includes(`${first}:313`))
}

async function survivesEdge({ create, services, haproxy, traffic, signal }: Scenario): Promise<void> {
  const { edge } = haproxy.machine
  await create({ name: 'early-haproxy', annotations: inClass, ports: webPort(321) })
  equal(await services.addressOf('early-haproxy', signal), first)
  await edge.kill(signal)
  await create({ name: 'late-haproxy', annotations: inClass, ports: webPort(322) })
  const says = [new RegExp(haproxyName), /connection refused/, /Check that fairway edge runs/]
  for (const name of ['late-haproxy', 'early-haproxy'])
    await services.warningOf(name, { reason: 'ProxyUnreachable', says }, signal)
  equal((await services.get('late-haproxy', signal)).status.loadBalancer.ingress, undefined)
  match(await traffic.get(first, 321, '/hostname', signal), /^web-/)
  await edge.start(signal)
  equal(await services.addressOf('late-haproxy', signal), first)
  match(await traffic.answers(first, 322, '/hostname', signal), /^web-/)
  await services.until('early-haproxy', 'to be served again', isWell, signal)
}

/** Such a restart costs connections: what came before it is asked about first, and what comes of it is not. */
async function restarts({ create, services, haproxy, traffic, lab, startedMs, signal }: Scenario): Promise<void> {
  const { unit } = haproxy.program
  await haproxy.probe.steadySince(startedMs, signal)
  await unit.stop(signal)
  await traffic.refused(first, haproxySteady.port, signal)
  await create({ name: 'amid', annotations: inClass, ports: webPort(331) })
  const says = [
    new RegExp(haproxyName),
    /the proxy program behind the edge does not run/,
    /Look at the unit of HAProxy/,
  ]
  for (const name of ['amid', 'steady-haproxy'])
    await services.warningOf(name, { reason: 'ProxyUnreachable', says }, signal)
  equal((await services.get('amid', signal)).status.loadBalancer.ingress, undefined)
  await unit.start(signal)
  haproxy.probe.forgive()
  match(await traffic.get(first, haproxySteady.port, '/hostname', signal), /^web-/)
  equal(await traffic.get(haproxyAddresses.byHand, byHandPorts.own, '/', signal), 'made by hand')
  equal(await askFixed(lab, signal), 'ok')
  equal(await services.addressOf('amid', signal), first)
  match(await traffic.answers(first, 331, '/hostname', signal), /^web-/)
  await services.until('steady-haproxy', 'to be served again', isWell, signal)
  await haproxy.probe.steadySince(startedMs, signal)
}
