/** Two clusters and two classes on one HAProxy: who comes first has the port, and everybody knows of whom. */
import { deepEqual, equal, match } from 'node:assert/strict'
import { waitFor } from '../lab/wait.ts'
import { haproxyAddresses, haproxyName } from './haproxy-config.ts'
import { type Service, webPort } from './objects.ts'
import type { Scenario, Scenarios } from './scenario.ts'
import { seerPorts } from './workloads.ts'

export function haproxySharing(scenario: Scenarios): void {
  scenario('HAProxy: two clusters and two classes ask for one port, and all hear who has it', conflict)
  scenario("HAProxy: a cluster's credential is good for its own tables alone", keepsApart)
}

const { contested } = haproxyAddresses
const SOCKET = `tcp/${contested}:9000`
/** Leads to the web pods, for this cluster's Service and for the other's. */
const NODE_PORT = 30_802

function at(className: string): Readonly<Record<string, string>> {
  return { 'fairway.dev/class': className, 'fairway.dev/address': contested }
}

async function conflict({ create, cleanUp, services, other, traffic, signal }: Scenario): Promise<void> {
  // Those of the other cluster lead to the web pods, this one to others: answers tell them apart.
  await create({
    name: 'holder-haproxy',
    app: 'seer',
    annotations: at('haproxy'),
    ports: [{ port: 9000, targetPort: seerPorts.plain }],
  })
  equal(await services.addressOf('holder-haproxy', signal), contested)
  const answers = async (limit: AbortSignal) => traffic.answers(contested, 9000, '/', limit)
  match(await answers(signal), /"node"/)
  cleanUp(async (late) => other.services.remove('rival', late))
  await other.services.create(
    { name: 'rival', annotations: at('haproxy'), ports: [{ port: 9000, nodePort: NODE_PORT }] },
    signal,
  )
  const held = [new RegExp(`${haproxyName}: ${SOCKET}`), /held by lab\/haproxy(?! \()/]
  await other.services.warningOf('rival', { reason: 'PortTaken', says: held }, signal)
  equal((await other.services.get('rival', signal)).status.loadBalancer.ingress, undefined)
  // Within a cluster the Service is named as well.
  await create({
    name: 'late-haproxy',
    annotations: at('second'),
    ports: [...webPort(9000), { port: 9001, targetPort: 8080, nodePort: NODE_PORT }],
  })
  const named = [new RegExp(SOCKET), /held by lab\/haproxy \(Service e2e\/holder-haproxy\)/]
  await services.warningOf('late-haproxy', { reason: 'PortTaken', says: named }, signal)
  equal(await services.addressOf('late-haproxy', signal), contested, 'its other port is served')
  match(await traffic.answers(contested, 9001, '/hostname', signal), /^web-/)
  const asked = [
    new RegExp(`${haproxyName}: ${SOCKET} is asked for by lab/second, other/haproxy too`),
    /Agree on who uses it/,
  ]
  await services.warningOf('holder-haproxy', { reason: 'PortTaken', says: asked }, signal)
  deepEqual((await services.get('holder-haproxy', signal)).status.loadBalancer.ingress, [
    { ip: contested, ipMode: 'Proxy' },
  ])
  match(await answers(signal), /"node"/)
  // Whoever has waited longest has it as soon as it is free.
  await services.remove('holder-haproxy', signal)
  equal(await other.services.addressOf('rival', signal), contested)
  match(await traffic.answers(contested, 9000, '/hostname', signal), /^web-/)
  const stranger = [new RegExp(SOCKET), /held by other\/haproxy\./]
  await services.warningOf('late-haproxy', { reason: 'PortTaken', says: stranger }, signal)
}

async function keepsApart({ haproxy, services, other, signal }: Scenario): Promise<void> {
  const { tables } = (await haproxy.ask('/v1/tables/lab', signal)) as {
    readonly tables: readonly { readonly class: string }[]
  }
  deepEqual(
    tables.map((table) => table.class),
    ['haproxy', 'second'],
  )
  for (const path of ['/v1/tables/other', '/v1/tables/other/haproxy', '/v1/tables/other/haproxy/health'])
    equal(await haproxy.statusOf(path, signal), '403', path)
  equal(await haproxy.statusOf('/v1/tables/nobody/haproxy', signal), '403', 'the same, there or not')
  const served = async (limit: AbortSignal) => isServed(await other.services.get('web-haproxy', limit))
  await waitFor("the other cluster's Service to be served", served, { timeoutMs: 5_000 }, signal)
  equal(isServed(await services.get('steady-haproxy', signal)), true)
}

function isServed({ status }: Service): boolean {
  const programmed = status.conditions?.find(({ type }) => type === 'fairway.dev/Programmed')
  return programmed?.message === `Served by 1 of 1 proxies: ${haproxyName}`
}
