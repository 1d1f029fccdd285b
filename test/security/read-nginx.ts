/** What nginx reads in its files, as `nginx -T` says them back, taken apart by its own syntax. */
import assert from 'node:assert/strict'
import { dumpFiles } from '../../src/edge/engines/nginx/program.ts'
import type { ProxyProtocol } from '../../src/model/table.ts'
import { NGINX, type NginxUnit } from '../edge-lab/nginx.ts'
import type { Reading } from './meant.ts'

interface Directive {
  readonly words: readonly string[]
  readonly block: readonly Directive[]
}

/** Words, `;`, `{` and `}` of a text; quoted words lose their quotes, a backslash keeps the next character (ngx_conf_read_token). */
function tokensOf(text: string): readonly string[] {
  const found: string[] = []
  for (const [token] of text.matchAll(
    /#[^\n]*|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[;{}]|(?:[^\s;{}"'\\]|\\.|\$\{\w+\})+/gs,
  )) {
    if (!token.startsWith('#')) found.push(token)
  }
  return found
}

function parse(tokens: Iterator<string>): readonly Directive[] {
  const all: Directive[] = []
  let words: string[] = []
  for (let next = tokens.next(); !next.done; next = tokens.next()) {
    if (next.value === '}') return all
    if (next.value === ';') all.push({ words, block: [] })
    else if (next.value === '{') all.push({ words, block: parse(tokens) })
    else words.push(next.value.replaceAll(/^"|"$/g, ''))
    if (next.value === ';' || next.value === '{') words = []
  }
  return all
}

const PROXY_WORDS: Readonly<Record<string, ProxyProtocol>> = { off: 'off', on: 'v1', v2: 'v2' }

export async function readNginx({ mainFile, configFile }: NginxUnit): Promise<readonly Reading[]> {
  const { ok, output } = await dumpFiles(NGINX, mainFile, AbortSignal.timeout(30_000))
  assert.ok(ok, output.slice(-2_000))
  const [, dumped = ''] = output.split(`# configuration file ${configFile}:\n`)
  // What it has to say about the files comes behind them.
  const ours = dumped.replaceAll(/^\d{4}\/\d\d\/\d\d .*$/gm, '')
  return readDirectives(parse(tokensOf(ours).values()))
}

interface End {
  readonly hosts: readonly string[]
  readonly value: string
}

function readDirectives(all: readonly Directive[]): readonly Reading[] {
  const named = (kind: string, place: number) =>
    new Map(all.filter(({ words }) => words[0] === kind).map((one) => [one.words[place] ?? '', one.block]))
  const [upstreams, maps, geos] = [named('upstream', 1), named('map', 2), named('geo', 1)]
  const servers = all.filter(({ words }) => words[0] === 'server').map(({ block }) => block)
  const inner = new Map(servers.map((block) => [valueOf(block, 'listen') ?? '', block]))
  const known = new Set([
    'upstream',
    'map',
    'geo',
    'server',
    'limit_conn_zone',
    'map_hash_bucket_size',
    'map_hash_max_size',
  ])
  assert.deepEqual(
    [...new Set(all.map(({ words }) => words[0] ?? ''))].filter((word) => !known.has(word)),
    [],
  )

  const targetsOf = (name: string) =>
    (upstreams.get(name) ?? []).flatMap(({ words }) => (words[0] === 'server' ? [words[1] ?? ''] : []))
  const endsOf = (value: string): readonly End[] => {
    const map = maps.get(value)
    if (map === undefined) return [{ hosts: [], value }]
    return map.flatMap(({ words: [key = '', to = ''] }) => {
      if (key === 'default') return endsOf(to)
      const host = key.replace(/^\\/, '')
      return [{ hosts: [value.startsWith('$fairway_below_') ? `*.${host}` : host], value: to }]
    })
  }
  return servers.flatMap((block) => {
    const [address = '', mode] = block.find(({ words }) => words[0] === 'listen')?.words.slice(1) ?? []
    if (address.startsWith('unix:')) return []
    const socket = `${mode === 'udp' ? 'udp' : 'tcp'} ${address}`
    const to = valueOf(block, 'proxy_pass') ?? ''
    const own = block.flatMap(({ words }) => (words[0] === 'allow' && words[1] !== 'all' ? [words[1] ?? ''] : []))
    if (own.length > 0) assert.equal(valueOf(block, 'deny'), 'all')
    const ends = [...Map.groupBy(endsOf(to), ({ value }) => value)]
    return ends.map(([value, some]) => {
      const [sources, leads] = throughGeo(geos.get(value), value)
      const behind = inner.get(leads)
      const pass = behind === undefined ? leads : (valueOf(behind, 'proxy_pass') ?? '')
      const reads = behind?.some(({ words }) => words[0] === 'listen' && words[2] === 'proxy_protocol') === true
      const limit = valueOf(behind ?? block, 'limit_conn', 2)
      return {
        socket,
        hosts: some.flatMap(({ hosts }) => hosts),
        sources: [...own, ...sources],
        targets: targetsOf(pass),
        proxyProtocol: reads ? 'off' : (PROXY_WORDS[valueOf(block, 'proxy_protocol') ?? ''] ?? 'off'),
        limit: limit === undefined ? undefined : Number(limit),
      }
    })
  })
}

/** Who of the clients gets through, and where to. */
function throughGeo(geo: readonly Directive[] | undefined, value: string): readonly [readonly string[], string] {
  if (geo === undefined) return [[], value]
  const ranges = geo.filter(({ words }) => words[0] !== 'default')
  assert.match(geo.find(({ words }) => words[0] === 'default')?.words[1] ?? '', /closed\.sock$/)
  return [ranges.map(({ words }) => words[0] ?? ''), ranges[0]?.words[1] ?? '']
}

function valueOf(block: readonly Directive[], name: string, place = 1): string | undefined {
  return block.find(({ words }) => words[0] === name)?.words[place]
}
