import { readTime } from './haproxy-lines.ts'

/** What of a `server` line is carried over, its address aside. */
export interface Words {
  readonly check: boolean
  readonly interMs: number | undefined
  readonly rise: number | undefined
  readonly fall: number | undefined
  /** Of the check. */
  readonly port: number | undefined
  readonly sendProxy: boolean
  readonly sendProxyV2: boolean
}

/** Words with a value behind them; `weight 1` and the like is what all have. */
const VALUED = new Set([
  'inter',
  'rise',
  'fall',
  'port',
  'weight',
  'maxconn',
  'fastinter',
  'downinter',
  'id',
  'slowstart',
  'track',
])
const PLAIN = new Set(['check', 'send-proxy', 'send-proxy-v2', 'check-send-proxy', 'disabled', 'backup', 'ssl'])
/** Words with which a server is none of ours. */
const LEFT: Readonly<Record<string, string>> = {
  disabled: 'is disabled',
  backup: 'is a backup, which Fairway has not',
  ssl: 'is spoken to in TLS, which Fairway does not',
}
const CARRIED = new Set(['inter', 'rise', 'fall', 'port'])

/** Reads the words behind a server's address. `left` says why it is left out. */
export function readWords(
  words: readonly string[],
  tell: (word: string) => void,
): { readonly words: Words; readonly left: string | undefined } {
  const values = new Map<string, string>()
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? ''
    if (VALUED.has(word)) {
      values.set(word, words[++at] ?? '')
      if (!CARRIED.has(word) && !(word === 'weight' && values.get(word) === '1')) tell(word)
    } else if (PLAIN.has(word)) values.set(word, '')
    else tell(word)
  }
  const left = Object.keys(LEFT).find((word) => values.has(word))
  const numberOf = (word: string) => (values.has(word) ? Number(values.get(word)) || undefined : undefined)
  return {
    left: left === undefined ? undefined : LEFT[left],
    words: {
      check: values.has('check'),
      interMs: readTime(values.get('inter')),
      rise: numberOf('rise'),
      fall: numberOf('fall'),
      port: numberOf('port'),
      sendProxy: values.has('send-proxy'),
      sendProxyV2: values.has('send-proxy-v2'),
    },
  }
}
