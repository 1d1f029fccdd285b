/** Edits of the configuration: what is served stays served, and what nobody asks for any more goes. */
import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { waitFor } from '../lab/wait.ts'
import { addresses, type OperatorConfig, pool } from './config.ts'
import { serversPath } from './edge.ts'
import { reconfigure } from './install.ts'
import { type Service, type ServiceDraft, webPort } from './objects.ts'
import type { Scenario, Scenarios } from './scenario.ts'
import { startProbe } from './traffic.ts'

export function reconfigured(scenario: Scenarios): void {
  scenario('a class that is removed, and a pool that loses a served address', survivesEdit)
}

/** Class `passing` is gone, and class `moving` has another address. */
function edited(config: OperatorConfig): OperatorConfig {
  const left = config.classes.filter(({ name }) => name !== 'passing')
  const classes = left.map((one) => (one.name === 'moving' ? { ...one, pools: pool(addresses.movingTo) } : one))
  return { ...config, classes }
}

function of(className: string): Pick<ServiceDraft, 'annotations'> {
  return { annotations: { 'fairway.dev/class': className } }
}

/** One edit for all, since it takes a while to reach the pod. */
async function survivesEdit(scenario: Scenario): Promise<void> {
  const { create, cleanUp, services, edge, traffic, lab, config, signal } = scenario
  const { passing, movingFrom } = addresses
  await create({ ...of('passing'), name: 'true-to-it', ports: webPort(141) })
  await create({ ...of('passing'), name: 'deserts', ports: webPort(142) })
  await create({ ...of('passing'), name: 'dies', ports: webPort(143) })
  await create({ ...of('moving'), name: 'left-behind', ports: webPort(144) })
  await create({ ...of('moving'), name: 'goes-along', ports: webPort(145) })
  for (const [name, address, port] of [
    ['true-to-it', passing, 141],
    ['deserts', passing, 142],
    ['dies', passing, 143],
    ['left-behind', movingFrom, 144],
    ['goes-along', movingFrom, 145],
  ] as const) {
    equal(await services.addressOf(name, signal), address, name)
    match(await traffic.answers(address, port, '/hostname', signal), /^web-/)
  }
  const urls = [`http://${passing}:141/hostname`, `http://${movingFrom}:144/hostname`]
  const probe = startProbe(lab, 'edited', urls)
  cleanUp(async (late) => probe.stop(late))
  cleanUp(async (late) => reconfigure(lab, config, late))
  const startMs = Date.now()
  await reconfigure(lab, edited(config), signal)
  await keepsLeftAddress(scenario)
  await letsClassGo(scenario)
  await probe.steadySince(startMs, signal)
  await reconfigure(lab, config, signal)
  // Told no more: the class is back, and so is the address.
  for (const name of ['true-to-it', 'left-behind']) await services.until(name, 'to be served as before', isWell, signal)
  await probe.steadySince(startMs, signal)
  equal(await services.addressOf('true-to-it', signal), passing)
  for (const name of ['true-to-it', 'left-behind']) await services.remove(name, signal)
  const text = await edge.text(serversPath, signal)
  for (const key of ['fairway.lab.passing.', `fairway.lab.moving.tcp.${movingFrom}`])
    ok(!text.includes(key), `${key} is gone`)
}

async function keepsLeftAddress({ create, services, traffic, signal }: Scenario): Promise<void> {
  const { movingFrom, movingTo } = addresses
  const says = [/e2e\/left-behind/, /203\.0\.113\.6/]
  await services.warningOf('left-behind', { reason: 'AddressLeftPools', says }, signal)
  deepEqual(ipsOf(await services.get('left-behind', signal)), [movingFrom])
  match(await traffic.get(movingFrom, 144, '/hostname', signal), /^web-/)
  await create({ name: 'newcomer', annotations: { 'fairway.dev/class': 'moving' }, ports: webPort(146) })
  equal(await services.addressOf('newcomer', signal), movingTo)
  match(await traffic.answers(movingTo, 146, '/hostname', signal), /^web-/)
  await services.patch('goes-along', { metadata: { annotations: { 'fairway.dev/address': movingTo } } }, signal)
  const moved = (service: Service) => ipsOf(service).join() === movingTo
  await services.until('goes-along', 'to move as it asks', moved, signal)
  match(await traffic.answers(movingTo, 145, '/hostname', signal), /^web-/)
  await traffic.refused(movingFrom, 145, signal)
}

async function letsClassGo({ services, edge, traffic, signal }: Scenario): Promise<void> {
  const { passing, publicFirst } = addresses
  const says = [/e2e\/true-to-it/, /"passing"/]
  await services.warningOf('true-to-it', { reason: 'ClassUnknown', says }, signal)
  await services.patch('deserts', { metadata: { annotations: { 'fairway.dev/class': 'public' } } }, signal)
  const moved = (service: Service) => ipsOf(service).join() === publicFirst
  await services.until('deserts', 'to have an address of its new class', moved, signal)
  match(await traffic.answers(publicFirst, 142, '/hostname', signal), /^web-/)
  await services.remove('dies', signal)
  const cleared = async (limit: AbortSignal) => {
    const keys = Object.keys(await edge.servers(limit)).filter((key) => key.startsWith('fairway.lab.passing.'))
    return keys.length === 1 && keys[0]?.endsWith('.141')
  }
  await waitFor('the proxy to have one server of the class left', cleared, { timeoutMs: 25_000 }, signal)
  for (const port of [142, 143]) await traffic.refused(passing, port, signal)
  deepEqual(ipsOf(await services.get('true-to-it', signal)), [passing])
  match(await traffic.get(passing, 141, '/hostname', signal), /^web-/)
}

function ipsOf({ status }: Service): readonly string[] {
  return (status.loadBalancer.ingress ?? []).flatMap(({ ip }) => ip ?? [])
}

function isWell({ status }: Service): boolean {
  const programmed = status.conditions?.find(({ type }) => type === 'fairway.dev/Programmed')
  return programmed?.status === 'True' && programmed.message === 'Served by 1 of 1 proxies: edge-1'
}
