import { networkInterfaces } from 'node:os'
import { edgeTable } from '../config/edge-frontends.ts'
import type { EdgeConfig } from '../config/edge-schema.ts'
import { canonicalAddress, isForwardable } from '../model/address.ts'
import { protocolsOf } from '../model/driver.ts'
import { EDGE_ERRORS } from '../model/edge-wire.ts'
import { createApi } from './api.ts'
import { writeJson } from './body.ts'
import type { Engine } from './engines/engine.ts'
import { takeTurns } from './exclusive.ts'
import { type Files, openFolder } from './files.ts'
import { identify } from './identify.ts'
import { createInfo } from './info.ts'
import { createAddressKeeper, openInterface } from './interface-addresses.ts'
import type { Log } from './log.ts'
import { createMeters, type Meters } from './meters.ts'
import type { Machine } from './obstacles.ts'
import { fixedOwner } from './owners.ts'
import { Referee } from './referee.ts'
import { isForbiddenTarget, type Rules } from './rules.ts'
import { createServing, type Serving } from './serve.ts'
import {
  closeServer,
  createApiServer,
  createStatusServer,
  type Fetch,
  listen,
  peerOfBindings,
  STARTING,
} from './servers.ts'
import { createStore } from './store.ts'
import { expiryOf, readTls, type TlsFiles, watchTls } from './tls-files.ts'
import { openTokens } from './tokens.ts'
import { openWebhook, type Webhook } from './webhook/webhook.ts'

export interface EdgeParts {
  readonly config: EdgeConfig
  readonly engine: Engine
  readonly machine: Machine
  readonly version: string
  readonly log: Log
}

export interface Edge {
  /** Where the API listens, and what tells the state of the edge, if anything does. */
  readonly port: number
  readonly statusPort: number | undefined
  /** Ends after the change in hand. What is served is served on. */
  stop(): Promise<void>
}

const TIMING = { resyncMs: 30_000, retryMs: 1_000, lookMs: 3_000 }
const CERTIFICATE_EVERY_MS = 10_000

/**
 * Starts the edge: serves what the tables on the disk say, as far as the program lets it, and then hears clusters. The port comes first: whoever has it
 * is the only one that touches the folder and the program.
 */
export async function startEdge(parts: EdgeParts): Promise<Edge> {
  const { config, log } = parts
  const ending = new AbortController()
  const tlsFiles = { clientCaFile: undefined, ...config.tls }
  const tls = await readTls(tlsFiles)
  let handle: Fetch = starting
  const api = createApiServer((request, bindings) => handle(request, bindings), tls)
  const port = await listen(api, config.listen, 'listen')
  const meters = createMeters()
  const engine = takeTurns(parts.engine)
  let webhook: Webhook | undefined
  try {
    webhook = await hearCalls({ ...parts, engine }, tlsFiles, meters)
    const files = await openFolder(config.stateDir)
    const { referee, serving } = await createCore({ ...parts, engine }, files, meters)
    const certificate = watchTls(tlsFiles, tls, api, CERTIFICATE_EVERY_MS, log, ending.signal)
    meters.watch(referee, () => expiryOf(certificate.current()))
    const status = createStatusServer(meters.registry, referee)
    const statusPort = config.status === 'off' ? undefined : await listen(status, config.status, 'status')
    await referee.start()
    await webhook?.begin(referee)
    const authorities = () => certificate.current().ca
    handle = beside(webhook, createHandler({ ...parts, engine }, { referee, serving }, meters, authorities))
    log.info({ port, engine: `${engine.name} ${engine.version}` }, 'the edge hears clusters')
    return {
      port,
      statusPort,
      stop: async () => {
        ending.abort()
        await webhook?.stop()
        await referee.stop()
        await Promise.all([closeServer(api), closeServer(status)])
        await engine.close()
      },
    }
  } catch (error) {
    ending.abort()
    await Promise.all([webhook?.stop(), closeServer(api)])
    throw error
  }
}

function starting(): Promise<Response> {
  return writeJson(STARTING, EDGE_ERRORS.Busy, { 'retry-after': '2' }, undefined)
}

async function hearCalls(
  { config, engine, log }: EdgeParts,
  tls: TlsFiles,
  { onRequest }: Meters,
): Promise<Webhook | undefined> {
  const { webhook, limits } = config
  if (webhook === undefined) return undefined
  const isForbidden = (address: string) => isForbiddenTarget(rulesOf(config, engine), { address })
  return openWebhook({ config: webhook, tls, requestMs: limits.request, isForbidden, onRequest, log })
}

/** Calls that come where clusters do have no credentials that the API knows. */
function beside(webhook: Webhook | undefined, api: Fetch): Fetch {
  return (request, bindings) => webhook?.answer(request) ?? api(request, bindings)
}

interface Core {
  readonly referee: Referee
  readonly serving: Serving
}

async function createCore({ config, engine, machine, log }: EdgeParts, files: Files, meters: Meters): Promise<Core> {
  const store = createStore(files, log)
  const device = config.manageAddresses && openInterface(config.manageAddresses.interface)
  const addresses = device && (await createAddressKeeper(files, device, log))
  const serving = createServing({ engine, machine, addresses, applyMs: config.limits.apply, log })
  const referee = new Referee({
    engineName: engine.name,
    store,
    kept: await store.load(),
    serving,
    fixed: config.frontends.map((one) => ({ owner: fixedOwner(one.name), table: edgeTable(one) })),
    rules: () => rulesOf(config, engine),
    timing: TIMING,
    now: Date.now,
    onPass: meters.onPass,
    log,
  })
  return { referee, serving }
}

function createHandler(
  { config, engine, machine, version, log }: EdgeParts,
  { referee, serving }: Core,
  meters: Meters,
  authorities: () => string | undefined,
): Fetch {
  const tokens = openTokens(config.tokensFile, log)
  const api = createApi({
    ...createInfo({
      engine,
      machine,
      version,
      sockets: () => serving.sockets(),
      origins: () => referee.served?.origins ?? new Map(),
      addresses: () => addressTexts(config),
    }),
    referee,
    identify: (authorization, bindings) => identify(authorization, peerOfBindings(bindings, authorities()), tokens),
    bodyBytes: config.limits.body,
    classes: config.limits.classes,
    requestMs: config.limits.request,
    onRequest: meters.onRequest,
    log,
  })
  return (request, bindings) => api.fetch(request, bindings)
}

function rulesOf({ addresses, publish, ports, targets, limits }: EdgeConfig, { capabilities }: Engine): Rules {
  return {
    addresses,
    machine: new Set(machineAddresses()),
    publish: new Map(Object.entries(publish)),
    deniedPorts: new Set(ports.deny),
    targets: targets.allow,
    protocols: protocolsOf(capabilities),
    quota: limits,
  }
}

/** Those that others reach the machine by. */
function machineAddresses(): readonly string[] {
  const found = Object.values(networkInterfaces()).flatMap((list) => list ?? [])
  return found.flatMap(({ address }) => canonicalAddress(address) ?? []).filter(isForwardable)
}

function addressTexts({ addresses, publish }: EdgeConfig): readonly string[] {
  return addresses?.map(({ text }) => text) ?? [...new Set([...machineAddresses(), ...Object.keys(publish)])]
}
