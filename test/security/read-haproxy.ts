/** What a running HAProxy has loaded: its file as it is parsed, and beside it what the process says of servers and access lists. */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { hostPort } from '../../src/model/address.ts'
import type { ProxyProtocol } from '../../src/model/table.ts'
import type { HaproxyUnit } from '../edge-lab/haproxy.ts'
import type { Reading } from './meant.ts'

interface Section {
  readonly kind: string
  readonly name: string
  readonly lines: readonly (readonly string[])[]
}

/** Sections of a configuration of plain words: nothing of ours is quoted or escaped (configuration manual, section 2.2). */
function sectionsOf(text: string): readonly Section[] {
  assert.doesNotMatch(text, /["'\\]/)
  const sections: { kind: string; name: string; lines: string[][] }[] = []
  for (const line of text.split('\n')) {
    const words = line.replace(/#.*/, '').split(/\s+/).filter(Boolean)
    const [kind = '', name = ''] = words
    if (/^[a-z]/.test(line)) sections.push({ kind, name, lines: [] })
    else if (words.length > 0) sections.at(-1)?.lines.push(words)
  }
  return sections
}

/** Everything that access lists of our file hold, as the worker says: `10.0.0.0/8`, `a.example`. */
async function loadedPatterns({ configFile, master }: HaproxyUnit): Promise<readonly string[]> {
  const signal = AbortSignal.timeout(30_000)
  const list = await master.ask('@1 show acl', signal)
  const ours = list.split('\n').filter((line) => line.includes(` file '${configFile}' `))
  const ids = ours
    .flatMap((line) => /^(\d+) \(.*\) acl '(?:src|var)' /.exec(line)?.[1] ?? [])
    .map((id) => `@1 show acl #${id}`)
  const found: string[] = []
  for (let at = 0; at < ids.length; at += 100) {
    const text = await master.ask(ids.slice(at, at + 100).join(';'), signal)
    found.push(...[...text.matchAll(/^0x\w+ (.*)$/gm)].map(([, pattern = '']) => pattern.trim()))
  }
  return found
}

export async function readHaproxy(unit: HaproxyUnit): Promise<readonly Reading[]> {
  const text = await readFile(unit.configFile, 'utf8')
  const sections = sectionsOf(text)
  const { backends } = await unit.running()
  const headers = new Map(
    sections.filter(({ kind }) => kind === 'backend').map(({ name, lines }) => [name, headerOf(lines)]),
  )
  // What the file says and no process serves, or the other way round.
  assert.deepEqual([...backends.keys()].toSorted(), [...headers.keys()].toSorted())
  const fronts = sections.filter(({ kind, name }) => kind === 'frontend' && name !== 'fairway.idle')
  const acls = fronts.flatMap(({ lines }) => lines.filter(([word]) => word === 'acl'))
  // The rule that looks for a dot has no name.
  const patterns = (await loadedPatterns(unit)).filter((one) => one !== '.')
  assert.deepEqual(patterns.toSorted(), acls.map((words) => words.at(-1) ?? '').toSorted())
  const serversOf = (name: string, port: number) =>
    [...(backends.get(name)?.values() ?? [])]
      .filter(({ maintenance }) => !maintenance)
      .map((one) => hostPort(one.address, one.port === 0 ? port : one.port))
  return fronts.flatMap((section) =>
    routesOf(section).map(({ backend, port, ...routed }) => ({
      ...routed,
      targets: serversOf(backend, port),
      proxyProtocol: headers.get(backend) ?? 'off',
    })),
  )
}

function headerOf(lines: readonly (readonly string[])[]): ProxyProtocol {
  const words = lines.find(([word]) => word === 'server') ?? []
  if (words.includes('send-proxy-v2')) return 'v2'
  return words.includes('send-proxy') ? 'v1' : 'off'
}

interface Routed extends Omit<Reading, 'targets' | 'proxyProtocol'> {
  readonly backend: string
  readonly port: number
}

function routesOf({ lines }: Section): readonly Routed[] {
  const binds = lines.filter(([word]) => word === 'bind')
  assert.equal(binds.length, 1)
  const socket = `tcp ${binds[0]?.[1]}`
  const used = lines.flatMap((words) => (words[0] === 'use_backend' && words.length === 4 ? [words] : []))
  const named = used.map(([, backend = '', , to = '']) => route(lines, socket, backend, to))
  const rest = lines.flatMap(([word, backend = '']) =>
    word === 'default_backend' ? [route(lines, socket, backend, '')] : [],
  )
  return [...named, ...rest]
}

/** The rules of one frontend among those of its socket: `to` is the condition that leads there, empty for who has it alone or gets the rest. */
function route(lines: readonly (readonly string[])[], socket: string, backend: string, to: string): Routed {
  const from = to.replace('to', 'from') || 'from'
  const about = lines.filter((words) =>
    to === '' ? !words.some((word) => /^to\.\d+$/.test(word)) : words.includes(to),
  )
  const acls = lines.filter(([word]) => word === 'acl')
  const sources = acls.filter(([, name]) => name === from).map((words) => words.at(-1) ?? '')
  const names = acls.filter(([, name]) => name === to)
  const hosts = names.map((words) => `${words[2] === 'var(txn.parent)' ? '*.' : ''}${words.at(-1)}`)
  const ported = about.find((words) => words[2] === 'set-dst-port')
  const limit = about.find((words) => words.includes('reject') && words.includes('{')) ?? []
  const rejects = about.filter((words) => words[0] === 'tcp-request' && words[2] === 'reject')
  const isClosed = rejects.some((words) => words.slice(3).join(' ') === (to === '' ? '' : `if ${to}`))
  // Ranges that no rule refers to would let everybody in.
  if (sources.length > 0) assert.ok(rejects.some((words) => words.at(-1)?.replace('!', '') === from))
  const at = limit.findIndex((word) => word === 'gt' || word === 'ge')
  return {
    socket,
    hosts,
    sources: isClosed ? 'nobody' : sources,
    backend,
    port: Number(/^int\((\d+)\)$/.exec(ported?.[3] ?? '')?.[1] ?? 0),
    limit: at < 0 ? undefined : Number(limit[at + 1]),
  }
}
