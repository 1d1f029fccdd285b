/** After a storm: proxy, wish and status are the same again within a bound, and nothing was lost or moved on the way. */
import { resolve } from 'node:path'
import type { Frontend } from '../../src/model/table.ts'
import { listeningSockets } from '../contract/sockets.ts'
import { tryRun } from '../lab/process.ts'
import { delay } from '../lab/wait.ts'
import { readServices, type ServiceObject } from './cluster.ts'
import { fairNow } from './fair-time.ts'
import { askDoor, type Door } from './load.ts'
import { CLIENTS, PUBLIC } from './namespace.ts'
import { ADMIN_PORT, type Site } from './site.ts'
import type { World, WorldService } from './world.ts'

const MAIN = resolve(import.meta.dirname, '../../src/main.ts')
export const SETTLES_WITHIN_MS = 60_000
const LOOKS_EVERY_MS = 250

export interface Settled {
  /** From the end of the last fault until all was as wished. */
  readonly recoveryMs: number
  readonly doors: readonly Door[]
  /** Addresses by Service. */
  readonly addresses: ReadonlyMap<string, string>
}

/** Waits until nothing is amiss. Throws with what still is when the time is over. */
export async function settle(
  site: Site,
  world: World,
  kept: Settled['addresses'],
  signal: AbortSignal,
): Promise<Settled> {
  const [began, bound] = [performance.now(), fairNow()]
  let amiss: readonly string[] = ['nothing was looked at']
  while (fairNow() - bound < SETTLES_WITHIN_MS) {
    const found = await look(site, world, signal).catch((error: unknown) => ({ amiss: [String(error)], frontends: [] }))
    amiss = found.amiss
    if (amiss.length === 0) {
      const recoveryMs = performance.now() - began
      const planned = await plan(site, signal)
      if (planned === undefined) {
        const settled = { recoveryMs, ...describe(found.frontends, world) }
        const wrong = [...findMoves(settled.addresses, kept), ...(await findClosed(settled.doors, world))]
        if (wrong.length > 0) throw new Error(wrong.join('\n'))
        return settled
      }
      amiss = [planned]
    }
    await delay(LOOKS_EVERY_MS, signal)
  }
  throw new Error(`not settled within ${SETTLES_WITHIN_MS / 1_000} s:\n${amiss.join('\n')}`)
}

/** The clients' doors: those of our frontends, the administrator's and the other owner's. */
function describe(frontends: readonly Frontend[], world: World): Pick<Settled, 'doors' | 'addresses'> {
  const own = frontends.map((one) => ({
    service: one.service?.name ?? '',
    address: one.address,
    port: one.port,
    host: one.hosts[0],
  }))
  const present = new Set(world.services.map(({ name }) => name))
  const addresses = new Map(own.filter(({ service }) => present.has(service)).map((one) => [one.service, one.address]))
  return { doors: [...own, ...FOREIGN_DOORS], addresses }
}

const FOREIGN_DOORS: readonly Door[] = [
  { service: 'foreign', address: PUBLIC.admin, port: ADMIN_PORT, host: undefined },
  { service: 'foreign', address: PUBLIC.other, port: 9_100, host: undefined },
]

/** One look at all of it: what is not as it shall be. */
async function look(site: Site, world: World, signal: AbortSignal) {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(30_000)])
  const [{ table, trouble, refused }, objects] = await Promise.all([
    site.driver.read(limit),
    readServices(site.lab, limit),
  ])
  const wanted = world.services.flatMap((one) => one.ports.map((port) => `${one.name}:${port} ${one.host ?? ''}`))
  const served = table.frontends.map((one) => `${one.service?.name}:${one.port} ${one.hosts[0] ?? ''}`)
  const sockets = table.frontends.map((one) => `tcp ${one.address}:${one.port}`)
  const own = [`tcp ${PUBLIC.admin}:${ADMIN_PORT}`, ...site.other.sockets()]
  const listening = await listeningSockets(...(await site.edge.proxy.pids()))
  const amiss = [
    ...(trouble === undefined ? [] : [`the edge is in trouble: ${trouble.message}`]),
    ...refused.map(({ key, problem }) => `${key} is refused: ${problem.message}`),
    ...differences('the table', served, wanted),
    ...differences('HAProxy', listening, [...new Set([...sockets, ...own])], (one) => !one.includes(PUBLIC.other)),
    ...world.services.flatMap((one) => findStale(one, objects, table.frontends)),
    ...differences(
      'the cluster',
      objects.map(({ metadata }) => metadata.name),
      world.services.map(({ name }) => name),
    ),
    ...(await wrongAnswers(describe(table.frontends, world).doors)),
  ]
  const loss = await site.other.findLoss(limit)
  return { amiss: loss === undefined ? amiss : [...amiss, loss], frontends: table.frontends }
}

/** `counts` leaves out what changes all the time. */
function differences(
  where: string,
  found: readonly string[],
  wanted: readonly string[],
  counts: (one: string) => boolean = () => true,
): readonly string[] {
  const [has, shall] = [new Set(found), new Set(wanted)]
  return [
    ...wanted.filter((one) => !has.has(one) && counts(one)).map((one) => `${where} lacks ${one}`),
    ...[...has].filter((one) => !shall.has(one) && counts(one)).map((one) => `${where} has ${one}`),
  ]
}

/** What a Service's status says against what is served for it. */
function findStale(
  one: WorldService,
  objects: readonly ServiceObject[],
  frontends: readonly Frontend[],
): readonly string[] {
  const found = objects.find(({ metadata }) => metadata.name === one.name)
  if (found === undefined) return []
  const { status, metadata } = found
  const shown =
    one.type === 'NodePort'
      ? metadata.annotations?.['fairway.dev/external-address']
      : status.loadBalancer.ingress?.[0]?.ip
  const served = frontends.find(({ service }) => service?.name === one.name)?.address
  const programmed = status.conditions?.find(({ type }) => type === 'fairway.dev/Programmed')
  return [
    ...(shown === served ? [] : [`${one.name} shows ${shown} and is served at ${served}`]),
    ...(programmed?.status === 'True' ? [] : [`${one.name} is not programmed: ${programmed?.message}`]),
  ]
}

async function wrongAnswers(doors: readonly Door[]): Promise<readonly string[]> {
  const found = await Promise.all(
    doors.map(async (door) => {
      const answer = await askDoor(door, CLIENTS.allowed, 5_000).catch((error: unknown) => `nobody (${String(error)})`)
      return answer === door.service ? [] : [`at ${door.address}:${door.port} ${answer} answers, not ${door.service}`]
    }),
  )
  return found.flat()
}

/** Who is in no source range must not get through. */
async function findClosed(doors: readonly Door[], world: World): Promise<readonly string[]> {
  const narrow = new Set(world.services.filter(({ ranges }) => ranges.length > 0).map(({ name }) => name))
  const found = await Promise.all(
    doors
      .filter(({ service }) => narrow.has(service))
      .map(async (door) => {
        const answer = await askDoor(door, CLIENTS.denied, 2_000).catch(() => undefined)
        return answer === undefined ? [] : [`${door.service} lets in ${CLIENTS.denied}`]
      }),
  )
  return found.flat()
}

function findMoves(now: Settled['addresses'], kept: Settled['addresses']): readonly string[] {
  return [...now].flatMap(([name, address]) => {
    const before = kept.get(name)
    return before === undefined || before === address ? [] : [`${name} moved from ${before} to ${address}`]
  })
}

/** A fresh computation of what there is to do, by the command line. Undefined: nothing. */
async function plan({ config, lab }: Site, signal: AbortSignal): Promise<string | undefined> {
  const argv = [process.execPath, MAIN, 'plan', '--config', config, '--kubeconfig', lab.kubeconfig]
  const { code, stdout, stderr } = await tryRun(argv, { env: process.env, timeoutMs: 120_000 }, signal)
  return code === 0 ? undefined : `fairway plan ends with ${code}:\n${stdout}${stderr}`
}
