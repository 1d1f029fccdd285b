/** @import { PoolView, TroubleView } from '../../model/view.ts' */

/**
 * A sign beside the word, so that colour is never all there is.
 *
 * @type {Readonly<Record<string, string>>}
 */
export const SIGNS = {
  served: '●',
  changing: '◍',
  'in part': '◐',
  'not served': '✕',
  unknown: '?',
  waiting: '○',
  reachable: '●',
  troubled: '▲',
  unreachable: '✕',
  ready: '●',
  'not ready': '✕',
  cordoned: '◐',
  leaving: '◐',
}

/**
 * Good, bad or between.
 *
 * @type {Readonly<Record<string, 'good' | 'warn' | 'bad' | 'faint'>>}
 */
export const TONES = {
  served: 'good',
  changing: 'good',
  'in part': 'warn',
  'not served': 'bad',
  unknown: 'warn',
  waiting: 'bad',
  reachable: 'good',
  troubled: 'warn',
  unreachable: 'bad',
  ready: 'good',
  'not ready': 'bad',
  cordoned: 'warn',
  leaving: 'warn',
}

/**
 * `1 frontend`, `2 frontends`, `1,200 proxies`
 *
 * @param {number} count
 * @param {string} noun
 */
export function counted(count, noun) {
  const plural = noun.endsWith('y') ? `${noun.slice(0, -1)}ies` : `${noun}s`
  return `${number(count)} ${count === 1 ? noun : plural}`
}

/** @param {number} value */
export function number(value) {
  return value.toLocaleString('en')
}

/**
 * A count that may be longer than anybody reads: those of IPv6.
 *
 * @param {string} decimal
 */
export function shortNumber(decimal) {
  if (decimal.length <= 7) return number(Number(decimal))
  const exponent = Array.from(String(decimal.length - 1), (digit) => '⁰¹²³⁴⁵⁶⁷⁸⁹'[Number(digit)]).join('')
  return `${decimal.charAt(0)}.${decimal.charAt(1)} × 10${exponent}`
}

/**
 * How long it is since a moment: `12 s`.
 *
 * @param {string} at RFC 3339
 * @param {number} nowMs epoch milliseconds
 */
export function since(at, nowMs) {
  const seconds = Math.max(0, Math.round((nowMs - Date.parse(at)) / 1000))
  if (seconds < 90) return `${seconds} s`
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`
  if (seconds < 129_600) return `${Math.round(seconds / 3600)} h`
  return `${Math.round(seconds / 86_400)} days`
}

/**
 * `203.0.113.10:443` in two.
 *
 * @param {string} socket
 * @returns {readonly [address: string, port: string]}
 */
export function splitSocket(socket) {
  const at = socket.lastIndexOf(':')
  return [socket.slice(0, at).replace(/^\[|\]$/g, ''), socket.slice(at + 1)]
}

/**
 * Free addresses of a small pool, those in a row as one text: `203.0.113.12 – 203.0.113.20`.
 *
 * @param {Pick<PoolView, 'addresses'>} pool
 * @returns {readonly string[]}
 */
export function freeRuns({ addresses }) {
  /** @type {string[][]} */
  const runs = []
  let open = false
  for (const { address, users } of addresses) {
    if (users === 0 && open) runs.at(-1)?.push(address)
    else if (users === 0) runs.push([address])
    open = users === 0
  }
  return runs.map((run) => (run.length === 1 ? String(run[0]) : `${run[0]} – ${run.at(-1)}`))
}

/** Problems of one code that are shown one by one; more become one. */
const MOST_ALIKE = 3

/**
 * Problems, with those of one code in one where they are many: each Service that waits for an address says the same.
 *
 * @param {readonly TroubleView[]} troubles
 * @returns {readonly { readonly code: string, readonly all: readonly TroubleView[] }[]}
 */
export function groupTroubles(troubles) {
  /** @type {Map<string, TroubleView[]>} */
  const byKind = new Map()
  for (const one of troubles) {
    const kind = `${one.code} ${one.about.split(' ')[0]}`
    const alike = byKind.get(kind)
    if (alike === undefined) byKind.set(kind, [one])
    else alike.push(one)
  }
  return [...byKind.values()].flatMap((all) => {
    const code = all[0]?.code ?? ''
    return all.length > MOST_ALIKE ? [{ code, all }] : all.map((one) => ({ code, all: [one] }))
  })
}
