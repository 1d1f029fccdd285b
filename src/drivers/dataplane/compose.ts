import { fieldOf, isObject } from '../../model/json.ts'
import type { ListenMap, Socket } from '../../model/listen.ts'
import { serverKey } from '../../model/server-names.ts'
import type { FrontendKey, Owner, Served } from '../../model/table.ts'
import { createPool, type Route } from './backends.ts'
import type { Estate, OwnedSocket } from './estates.ts'
import { defaultsName } from './names.ts'
import { renderDefaults } from './render-backend.ts'
import { isShared, renderSocket } from './render-frontend.ts'
import { byName, type Section, type Sections } from './sections.ts'

/** A frontend of the table that is applied. */
export interface Wanted extends Served {
  readonly key: FrontendKey
  /** Names the targets, and stays while they change. */
  readonly group: string
  readonly socket: Socket
}

export interface ComposeContext {
  readonly owner: Owner
  readonly listen: ListenMap
}

/**
 * All sections of an estate as they shall be: what is wanted rendered anew, and what is kept. A socket of which everything is kept and nothing
 * wanted stays as it is, edited or not; on others, what is kept is written again as its mark says, with the backends that it has.
 */
export function composeSections(
  context: ComposeContext,
  estate: Estate,
  wanted: readonly Wanted[],
  keep: ReadonlySet<FrontendKey>,
): Sections {
  const owner = { ...context.owner, className: estate.holder.className }
  const given = Map.groupBy(wanted, ({ frontend }) => serverKey(owner, frontend))
  const keys = new Set(wanted.map(({ key }) => key))
  const staying = estate.sockets.map((socket) => {
    const kept = socket.entries.filter(({ key }) => keep.has(key) && !keys.has(key))
    const isWhole = kept.length === socket.entries.length && !given.has(socket.section.name)
    return { socket, isWhole, routes: isWhole ? [] : kept.flatMap(({ route }) => route ?? []) }
  })
  const whole = staying.flatMap(({ socket, isWhole }) => (isWhole ? socket : []))
  const taken = keptBackends(
    estate,
    whole,
    staying.flatMap(({ routes }) => routes),
  )
  const from = defaultsName(owner)
  const backend = { uid: owner.uid, from }
  const pool = createPool(backend, owner, taken)
  const keptOn = new Map(staying.map(({ socket, routes }) => [socket.section.name, routes]))
  const sockets = [...new Set([...given.keys(), ...keptOn.keys()])].flatMap((name): readonly Section[] => {
    const [some, kept] = [given.get(name) ?? [], keptOn.get(name) ?? []]
    const shared = isShared([...some, ...kept])
    const [first, ...more] = [...some.map((one) => pool.serve(one, one.group, shared)), ...kept]
    return first === undefined ? [] : [renderSocket({ owner, listen: context.listen }, [first, ...more])]
  })
  const frontends = byName([...whole.map(({ section }) => section), ...sockets])
  const defaults = wanted.length > 0 ? byName([renderDefaults(backend)]) : estate.sections.defaults
  return {
    frontends,
    backends: new Map([...taken, ...pool.sections]),
    defaults: frontends.size === 0 ? new Map() : defaults,
  }
}

/** The backends of what is kept, with those that they track, as they are. */
function keptBackends(
  { sections }: Estate,
  sockets: readonly OwnedSocket[],
  routes: readonly Route[],
): ReadonlyMap<string, Section> {
  const named = [
    ...sockets.flatMap(({ section }) => backendNames(section)),
    ...[...sockets.flatMap(({ entries }) => entries.flatMap(({ route }) => route ?? [])), ...routes].flatMap(
      ({ to, fallback, check }) => [to, fallback, check],
    ),
  ]
  const found = [...new Set(named)].flatMap((name) => sections.backends.get(name ?? '') ?? [])
  const tracked = found.flatMap(trackedNames).flatMap((name) => sections.backends.get(name) ?? [])
  return byName([...found, ...tracked])
}

function backendNames(frontend: Section): readonly string[] {
  const rules = frontend['backend_switching_rule_list']
  const named: readonly unknown[] = [
    frontend['default_backend'],
    ...valuesOf(rules).map((rule) => textIn(rule, 'name')),
  ]
  return named.filter((name) => typeof name === 'string')
}

function trackedNames(backend: Section): readonly string[] {
  const tracks = valuesOf(backend['servers']).flatMap((server) => textIn(server, 'track')?.split('/')[0] ?? [])
  return [...new Set(tracks)]
}

function valuesOf(value: unknown): readonly unknown[] {
  return isObject(value) || Array.isArray(value) ? Object.values(value) : []
}

function textIn(value: unknown, key: string): string | undefined {
  const found = fieldOf(value, key)
  return typeof found === 'string' ? found : undefined
}
