import type { ConfigSection, Line } from '../haproxy/sections.ts'
import { canonicalAddress, isPort } from '../model/address.ts'
import type { Balance, HealthCheck, ProxyProtocol } from '../model/table.ts'
import type { Reading } from './haproxy.ts'
import { effectiveLines, readTime, textOf } from './haproxy-lines.ts'
import { readWords, type Words } from './haproxy-words.ts'
import type { OldFrontend } from './old.ts'

interface Server {
  readonly address: string
  /** Undefined: the one that the client connected to. */
  readonly port: number | undefined
  readonly words: Words
}

export interface Backend extends Pick<OldFrontend, 'proxyProtocol' | 'balance' | 'healthCheck' | 'idleTimeoutMs'> {
  readonly servers: readonly Server[]
}

const BALANCES: Readonly<Record<string, Balance>> = {
  roundrobin: 'round-robin',
  'static-rr': 'round-robin',
  leastconn: 'least-connections',
  source: 'source',
  random: 'random',
}

/** Reads the servers that a section leads to: of a backend by its name, or its own. Undefined where there are none that can be carried over. */
export function readBackend(reading: Reading, user: ConfigSection, name: string | undefined): Backend | undefined {
  const { file, sections, remarks } = reading
  const section =
    name === undefined
      ? user
      : sections.find((one) => one.kind !== 'frontend' && one.name === name && one.kind !== 'defaults')
  const at = `${file}:${section?.line ?? user.line}`
  const lines = section === undefined ? [] : effectiveLines(section, sections)
  const servers = lines.flatMap((line) => (line.words[0] === 'server' ? readServer(reading, line, lines) : []))
  const [first] = servers
  if (section === undefined || first === undefined) {
    remarks.add(at, `${name === undefined ? 'it' : `backend ${name}`} has no server that can be carried over`)
    return undefined
  }
  if (servers.some(({ words }) => JSON.stringify(words) !== JSON.stringify(first.words)))
    remarks.add(at, 'its servers differ in more than their addresses: all are carried over as the first one')
  return {
    servers,
    proxyProtocol: headerOf(first.words),
    balance: readBalance(reading, at, lines, servers.length),
    healthCheck: readCheck(reading, at, lines, first.words),
    idleTimeoutMs: readIdle(reading, section),
  }
}

function headerOf({ sendProxy, sendProxyV2 }: Words): ProxyProtocol {
  return sendProxyV2 ? 'v2' : sendProxy ? 'v1' : 'off'
}

function readServer({ file, remarks }: Reading, { words, line }: Line, lines: readonly Line[]): readonly Server[] {
  const at = `${file}:${line}`
  const [, , target = '', ...rest] = words
  const defaults = lines.flatMap((one) => (one.words[0] === 'default-server' ? one.words.slice(1) : []))
  const said = readWords([...defaults, ...rest], (word) =>
    remarks.add(at, `\`${word}\` of a server is not carried over`),
  )
  const [, bracketed, plain, digits] =
    /^(?:\[([^\]]+)\]|([^:]+|[0-9a-f:]*::[0-9a-f:]*?))(?::(\d{1,5}))?$/i.exec(target) ?? []
  const address = canonicalAddress(bracketed ?? plain ?? '')
  const port = digits === undefined ? undefined : Number(digits)
  if (address === undefined || (port !== undefined && !isPort(port)))
    remarks.add(at, `${target} is no address, and is left out`)
  else if (said.left !== undefined) remarks.add(at, `${said.left}, and is left out`)
  else return [{ address, port, words: said.words }]
  return []
}

function readBalance({ remarks }: Reading, at: string, lines: readonly Line[], servers: number): Balance {
  const text = textOf(lines, 'balance') ?? 'roundrobin'
  const balance = Object.hasOwn(BALANCES, text) ? BALANCES[text] : undefined
  if (balance === undefined) remarks.add(at, `balance ${text} is carried over as round-robin`)
  if (textOf(lines, 'stick', 'on') === undefined) return balance ?? 'round-robin'
  const expire = lines.findLast(({ words }) => words[0] === 'stick-table')?.words
  const time = expire?.[expire.indexOf('expire') + 1] ?? '30m'
  remarks.add(
    at,
    `clients stay at their server (${time}): to keep the time as well, set sessionAffinity: ClientIP on the Service`,
  )
  return servers > 1 && textOf(lines, 'stick', 'on') === 'src' ? 'source' : (balance ?? 'round-robin')
}

function readCheck(
  { remarks }: Reading,
  at: string,
  lines: readonly Line[],
  { check, port, interMs, rise, fall }: Words,
): HealthCheck | undefined {
  if (!check) return undefined
  const option = lines.findLast(({ words }) => words[0] === 'option' && words[1] === 'httpchk')?.words
  if (port !== undefined || option !== undefined) {
    remarks.add(
      at,
      'checks by HTTP or on another port are not carried over: for nodes, Fairway asks kube-proxy by itself',
    )
    return undefined
  }
  const intervalMs = interMs ?? 2_000
  const timeoutMs = readTime(textOf(lines, 'timeout', 'check')) ?? intervalMs
  return { kind: 'tcp', port: undefined, intervalMs, timeoutMs, rise: rise ?? 2, fall: fall ?? 3, derived: false }
}

/** Only what a section says itself: what all have in common is for the class, and not every kind of proxy can do it. */
function readIdle({ remarks, file, sections }: Reading, section: ConfigSection): number | undefined {
  const own = readTime(textOf(section.lines, 'timeout', 'tunnel') ?? textOf(section.lines, 'timeout', 'server'))
  if (own !== undefined) return own
  const lines = effectiveLines(section, sections)
  const ms = readTime(textOf(lines, 'timeout', 'tunnel') ?? textOf(lines, 'timeout', 'server'))
  if (ms !== undefined)
    remarks.add(
      file,
      `idle connections end after ${ms / 1_000} s by its defaults: say so by idle-timeout in the class's defaults, if its proxies can`,
    )
  return undefined
}
