import type { Line } from '../haproxy/sections.ts'
import { canonicalAddress, canonicalCidr } from '../model/address.ts'
import { isHostName } from '../model/hosts.ts'
import { compareText } from '../model/table.ts'

/** A test: its criterion and what is compared with. */
type Test = readonly string[]

/** Tests by the name of the ACL: one of them is enough. */
export type Acls = ReadonlyMap<string, readonly Test[]>

/** Collects the ACLs of a section by name. */
export function readAcls(lines: readonly Line[]): Acls {
  const acls = new Map<string, readonly Test[]>()
  for (const { words } of lines) {
    const [keyword, name = '', ...test] = words
    if (keyword === 'acl') acls.set(name, [...(acls.get(name) ?? []), test])
  }
  return acls
}

/** The tests of a condition that is one term, `if X`, `unless X`, `if { src 10.0.0.0/8 }`; undefined for any other. */
function readCondition(words: readonly string[], acls: Acls): { negated: boolean; tests: readonly Test[] } | undefined {
  const [keyword, ...terms] = words
  if (keyword !== 'if' && keyword !== 'unless') return undefined
  const [first = ''] = terms
  const bang = first.startsWith('!')
  const negated = bang !== (keyword === 'unless')
  const bare = bang ? [first.slice(1), ...terms.slice(1)].filter((word) => word !== '') : terms
  if (bare[0] === '{' && bare.indexOf('}') === bare.length - 1) return { negated, tests: [bare.slice(1, -1)] }
  const tests = bare.length === 1 ? acls.get(bare[0] ?? '') : undefined
  return tests === undefined ? undefined : { negated, tests }
}

export interface HostsFound {
  readonly hosts: readonly string[]
  /** Whether a suffix took in names that a wildcard does not. */
  readonly deeper: boolean
}

/** The server names that a condition asks for; undefined where it is about anything else. */
export function readHosts(words: readonly string[], acls: Acls): HostsFound | undefined {
  const condition = readCondition(words, acls)
  if (condition === undefined || condition.negated) return undefined
  const found = condition.tests.map(hostsOf)
  const hosts = found.flatMap((one) => one?.hosts ?? [])
  if (found.includes(undefined) || hosts.length === 0 || !hosts.every(isHostName)) return undefined
  const deeper = found.some((one) => one?.deeper === true)
  return { hosts: [...new Set(hosts)].toSorted(compareText), deeper }
}

function hostsOf([criterion = '', ...rest]: Test): HostsFound | undefined {
  if (!/^req[._]ssl_sni(?:,lower)?$/.test(criterion)) return undefined
  const how = rest.indexOf('-m')
  const manner = how < 0 ? 'str' : rest[how + 1]
  const values = rest.filter((word, place) => !word.startsWith('-') && (how < 0 || place !== how + 1))
  const names = values.map((word) => word.toLowerCase())
  if (manner === 'str') return { hosts: names, deeper: false }
  const isSuffix = manner === 'end' && names.every((name) => name.startsWith('.'))
  return isSuffix ? { hosts: names.map((name) => `*${name}`), deeper: true } : undefined
}

/** CIDRs of the only clients that are let in. `tell` is given each rule that says something else. */
export function readSources(lines: readonly Line[], acls: Acls, tell: (line: Line) => void): readonly string[] {
  const rules = lines.filter(({ words }) => words[0] === 'tcp-request' && !isForHosts(words))
  const found = rules.flatMap((line) => {
    const [, kind, action, ...rest] = line.words
    const condition = action === 'reject' && kind !== 'session' ? readCondition(rest, acls) : undefined
    const ranges = condition?.negated === true ? condition.tests.map(rangesOf) : [undefined]
    if (ranges.includes(undefined)) tell(line)
    return ranges.includes(undefined) ? [] : [ranges.flatMap((some) => some ?? [])]
  })
  const [first, ...more] = found
  for (const line of more.length > 0 ? rules : []) tell(line)
  return more.length > 0 || first === undefined ? [] : [...new Set(first)].toSorted(compareText)
}

/** What waits for a ClientHello: Fairway does that by itself. */
function isForHosts([, kind, action, ...rest]: readonly string[]): boolean {
  return kind === 'inspect-delay' || (action === 'accept' && rest.some((word) => /ssl_hello_type/.test(word)))
}

function rangesOf([criterion = '', ...values]: Test): readonly string[] | undefined {
  if (criterion !== 'src') return undefined
  const ranges = values.map((text) => {
    const address = canonicalAddress(text)
    return canonicalCidr(address === undefined ? text : `${address}/${address.includes(':') ? 128 : 32}`)
  })
  return ranges.includes(undefined) ? undefined : ranges.flatMap((range) => range ?? [])
}
