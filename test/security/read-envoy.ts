/** What a running Envoy has made of its files, as its `/config_dump` says it. */
import assert from 'node:assert/strict'
import { hostPort } from '../../src/model/address.ts'
import { fieldOf, isObject } from '../../src/model/json.ts'
import type { ProxyProtocol } from '../../src/model/table.ts'
import type { EnvoyUnit } from '../edge-lab/envoy.ts'
import type { Reading } from './meant.ts'

const NO_LIMIT = 4_294_967_295
const NOBODY = 'fairway.nobody'

/** What is in a JSON value at a place; undefined where there is nothing. */
function at(value: unknown, ...place: readonly (string | number)[]): unknown {
  return place.reduce<unknown>((one, key) => (typeof key === 'number' ? listOf(one)[key] : fieldOf(one, key)), value)
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? (value as readonly unknown[]) : []
}

function textOf(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : ''
}

interface Cluster {
  readonly targets: readonly string[]
  readonly proxyProtocol: ProxyProtocol
  readonly limit: number | undefined
}

interface Leaf {
  readonly to: string
  readonly hosts: readonly string[]
  readonly sources: readonly string[]
}

export async function readEnvoy({ admin }: EnvoyUnit): Promise<readonly Reading[]> {
  const dump = async (resource: string) => {
    const json = await admin.get(`/config_dump?resource=${resource}`, AbortSignal.timeout(30_000))
    return listOf(at(JSON.parse(json), 'configs'))
  }
  const [listeners, clusters] = [await dump('dynamic_listeners'), await dump('dynamic_active_clusters')]
  const byName = new Map(clusters.map((one) => clusterOf(at(one, 'cluster'))))
  return listeners.flatMap((one) => {
    assert.equal(at(one, 'error_state'), undefined)
    return readListener(at(one, 'active_state', 'listener'), byName)
  })
}

function clusterOf(cluster: unknown): readonly [string, Cluster] {
  const endpoints = listOf(at(cluster, 'load_assignment', 'endpoints', 0, 'lb_endpoints'))
  const header = at(cluster, 'transport_socket', 'typed_config', 'config')
  const limit = Number(at(cluster, 'circuit_breakers', 'thresholds', 0, 'max_connections'))
  const read: Cluster = {
    targets: endpoints.map((one) => placeOf(at(one, 'endpoint'))),
    // V1 is what a message without a version means.
    proxyProtocol: header === undefined ? 'off' : at(header, 'version') === 'V2' ? 'v2' : 'v1',
    limit: limit === NO_LIMIT ? undefined : limit,
  }
  return [textOf(at(cluster, 'name')), read]
}

function placeOf(holder: unknown): string {
  const place = at(holder, 'address', 'socket_address')
  return hostPort(textOf(at(place, 'address')), Number(at(place, 'port_value')))
}

function readListener(listener: unknown, clusters: ReadonlyMap<string, Cluster>): readonly Reading[] {
  const isUdp = at(listener, 'address', 'socket_address', 'protocol') === 'UDP'
  const socket = `${isUdp ? 'udp' : 'tcp'} ${placeOf(listener)}`
  assert.equal(at(listener, 'additional_addresses'), undefined)
  return (isUdp ? udpRoutes(listener) : tcpRoutes(listener)).map(({ hosts, sources, cluster, limit }) => {
    const found = clusters.get(cluster)
    assert.ok(found !== undefined, `there is no cluster ${cluster}`)
    return { ...found, socket, hosts, sources, limit: limit ?? found.limit }
  })
}

interface Routed extends Omit<Leaf, 'to'> {
  readonly cluster: string
  readonly limit: number | undefined
}

function tcpRoutes(listener: unknown): readonly Routed[] {
  const chains = listOf(at(listener, 'filter_chains'))
  const names = chains.map((one) => textOf(at(one, 'name')))
  const alone = { to: names[0] ?? '', hosts: [], sources: [] }
  const matcher = at(listener, 'filter_chain_matcher')
  const leaves = matcher === undefined ? [alone] : joined(walk(matcher, alone))
  // A chain that nothing leads to would be one that we do not know of.
  assert.deepEqual(leaves.map(({ to }) => to).toSorted(), names.toSorted())
  return leaves.map(({ to, ...leaf }) => {
    const settings = listOf(at(chains[names.indexOf(to)], 'filters')).map((one) => at(one, 'typed_config'))
    const limit = settings.map((one) => at(one, 'max_connections')).find((one) => one !== undefined)
    const cluster = settings.map((one) => textOf(at(one, 'cluster'))).find((one) => one !== '')
    return { ...leaf, cluster: cluster ?? '', limit: limit === undefined ? undefined : Number(limit) }
  })
}

function udpRoutes(listener: unknown): readonly Routed[] {
  const filters = listOf(at(listener, 'listener_filters'))
  assert.equal(filters.length, 1)
  const leaves = walk(at(filters[0], 'typed_config', 'matcher'), { to: '', hosts: [], sources: [] })
  return joined(leaves).map(({ to, ...leaf }) => ({ ...leaf, cluster: to, limit: undefined }))
}

/** All leaves of a matcher that do not lead to nobody. */
function walk(matcher: unknown, so: Leaf): readonly Leaf[] {
  const tree = at(matcher, 'matcher_tree')
  const map = at(tree, 'exact_match_map', 'map')
  const wild = listOf(at(matcher, 'matcher_list', 'matchers'))
  const ranged = listOf(at(tree, 'custom_match', 'typed_config', 'range_matchers'))
  const rest = at(matcher, 'on_no_match')
  return [
    ...Object.entries(isObject(map) ? map : {}).flatMap(([host, then]) => {
      return follow(then, { ...so, hosts: [...so.hosts, host] })
    }),
    ...wild.flatMap((one) => follow(at(one, 'on_match'), { ...so, hosts: [...so.hosts, wildHost(one)] })),
    ...ranged.flatMap((one) => follow(at(one, 'on_match'), { ...so, sources: [...so.sources, ...rangesOf(one)] })),
    ...(rest === undefined ? [] : follow(rest, so)),
  ]
}

function follow(then: unknown, so: Leaf): readonly Leaf[] {
  const matcher = at(then, 'matcher')
  if (matcher !== undefined) return walk(matcher, so)
  const config = at(then, 'action', 'typed_config')
  const to = textOf(at(config, 'value') ?? at(config, 'cluster'))
  return to === NOBODY ? [] : [{ ...so, to }]
}

function wildHost(one: unknown): string {
  const regex = textOf(at(one, 'predicate', 'single_predicate', 'value_match', 'safe_regex', 'regex'))
  assert.match(regex, /^\[\^\.\]\+/)
  return `*${regex.slice('[^.]+'.length).replaceAll(String.raw`\.`, '.')}`
}

function rangesOf(one: unknown): readonly string[] {
  return listOf(at(one, 'ranges')).map((range) => {
    return `${textOf(at(range, 'address_prefix'))}/${textOf(at(range, 'prefix_len') ?? 0)}`
  })
}

/** A frontend of several hosts has a leaf for each. */
function joined(leaves: readonly Leaf[]): readonly Leaf[] {
  return [...Map.groupBy(leaves, ({ to }) => to)].map(([to, some]) => {
    return { to, hosts: some.flatMap(({ hosts }) => hosts), sources: some[0]?.sources ?? [] }
  })
}
