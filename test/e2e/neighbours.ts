/** What on the proxy is not ours: asked last, when everything has happened beside it. */
import { deepEqual, equal } from 'node:assert/strict'
import { edge as edgeAddress } from '../lab/addresses.ts'
import { addresses, byHandPorts, steady } from './config.ts'
import { listeningSockets } from './edge.ts'
import { byHandSections, haproxyAddresses, byHandPorts as haproxyPorts } from './haproxy-config.ts'
import { operatorErrors, operatorPods } from './install.ts'
import type { Scenario, Scenarios } from './scenario.ts'
import { readForeign } from './world.ts'

export function neighbours(scenario: Scenarios): void {
  scenario('a server that somebody made by hand has survived it all, byte for byte, and serves', keepsForeign)
  scenario("another cluster's entries on the same proxy were not touched, and serve", keepsOtherCluster)
  scenario('the operator has had no trouble of its own', hasNoTrouble)
  scenario('no listener is left that no configuration has', leavesNoListener)
}

async function keepsForeign({ edge, foreign, probe, haproxy, traffic, startedMs, signal }: Scenario): Promise<void> {
  const now = await readForeign(edge, signal)
  equal(now.byHand, foreign.byHand)
  equal(now.site, foreign.site)
  equal(await traffic.get(addresses.byHand, byHandPorts.own, '/', signal), 'made by hand')
  equal(await traffic.get(haproxyAddresses.byHand, haproxyPorts.own, '/', signal), 'made by hand')
  for (const one of [probe, haproxy.probe]) await one.steadySince(startedMs, signal)
}

async function keepsOtherCluster({ edge, foreign, probe, traffic, startedMs, signal }: Scenario): Promise<void> {
  const now = await readForeign(edge, signal)
  equal(now.other, foreign.other)
  const answer = await traffic.get(addresses.otherCluster, steady.port, '/hostname', signal)
  equal(answer.startsWith('web-'), true, answer)
  await probe.steadySince(startedMs, signal)
}

async function hasNoTrouble({ lab, signal }: Scenario): Promise<void> {
  const pods = await operatorPods(lab, signal)
  deepEqual(
    pods.flatMap(({ status }) => status.containerStatuses.map(({ restartCount }) => restartCount)),
    [0],
  )
  deepEqual(await operatorErrors(lab, signal), [])
}

/** A Caddy that fails to start a configuration leaves listeners open, outside of any. */
async function leavesNoListener({ edge, spare, haproxy, lab, signal }: Scenario): Promise<void> {
  const texts = await Promise.all([edge, spare.edge].map(async (one) => one.servers(signal)))
  const layer4 = texts.flatMap((servers) => Object.values(servers).flatMap(({ listen }) => listen))
  const configured = layer4.map((listen) => {
    const [, network = 'tcp', socket = ''] = /^(?:(tcp|udp)[46]?\/)?(.*)$/.exec(listen) ?? []
    return `${network} ${socket}`
  })
  const bound = [haproxy.file(), byHandSections].flatMap((text) => [...text.matchAll(/^ *bind (\S+)/gm)])
  const ofHaproxy = bound.map(([, socket]) => `tcp ${socket}`)
  const admin = [2019, 2020, 7443].map((port) => `tcp ${edgeAddress.v4}:${port}`)
  const own = ['tcp 127.0.0.1:8088', 'tcp 127.0.0.1:7444', ...admin]
  deepEqual(await listeningSockets(lab, signal), [...configured, ...ofHaproxy, ...own].toSorted())
}
