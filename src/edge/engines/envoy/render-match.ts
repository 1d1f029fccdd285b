import type { Route } from './blueprint.ts'
import { type Message, TYPES, typed } from './types.ts'

/** What a connection that is matched gets. */
export type Then = (route: Route) => Message

/**
 * Who of those on a socket gets a connection: first exact names, then wildcards, then the one without hosts. Whom the source ranges of one turn away
 * the next does not get.
 */
export function matchRoutes(routes: readonly Route[], then: Then, nobody: Message): Message {
  const named = routes.filter(({ frontend }) => frontend.hosts.length > 0)
  const rest = routes.find(({ frontend }) => frontend.hosts.length === 0)
  const last = { on_no_match: rest === undefined ? nobody : fromSources(rest, then, nobody) }
  if (named.length === 0) return last
  const entries = named.flatMap((route) => route.frontend.hosts.map((host) => ({ route, host })))
  const exact = entries.filter(({ host }) => !host.startsWith('*.'))
  const wild = entries.filter(({ host }) => host.startsWith('*.'))
  const wilds = wild.length === 0 ? last : { ...matchWild(wild, then, nobody), ...last }
  if (exact.length === 0) return wilds
  const map = Object.fromEntries(exact.map(({ route, host }) => [host, fromSources(route, then, nobody)]))
  return {
    matcher_tree: { input: SERVER_NAME, exact_match_map: { map } },
    on_no_match: wild.length === 0 ? last.on_no_match : { matcher: wilds },
  }
}

interface Entry {
  readonly route: Route
  readonly host: string
}

const SERVER_NAME = typed('name', TYPES.serverName)

/** `*.b.example` stands for exactly one label. */
function matchWild(entries: readonly Entry[], then: Then, nobody: Message): Message {
  const matchers = entries.map(({ route, host }) => {
    const regex = `[^.]+${host.slice(1).replaceAll('.', String.raw`\.`)}`
    const predicate = {
      single_predicate: { input: SERVER_NAME, value_match: { safe_regex: { google_re2: {}, regex } } },
    }
    return { predicate, on_match: fromSources(route, then, nobody) }
  })
  return { matcher_list: { matchers } }
}

/** A frontend's own source ranges, or what everybody gets. */
function fromSources(route: Route, then: Then, nobody: Message): Message {
  const { sourceRanges } = route.frontend
  if (sourceRanges.length === 0) return then(route)
  const ranges = sourceRanges.map((text) => {
    const [address_prefix = '', length] = text.split('/')
    return { address_prefix, prefix_len: Number(length) }
  })
  const matcher = { range_matchers: [{ ranges, on_match: then(route) }] }
  return {
    matcher: {
      matcher_tree: { input: typed('source', TYPES.sourceIp), custom_match: typed('ranges', TYPES.ipMatcher, matcher) },
      on_no_match: nobody,
    },
  }
}
