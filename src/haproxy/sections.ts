/** One line of a configuration that says something: its words without quotes, and where it is, counted from 1. */
export interface Line {
  readonly line: number
  readonly words: readonly string[]
  /** Whether it is inside `.if`: only HAProxy knows whether it holds. */
  readonly conditional: boolean
}

/** A section with its lines. */
export interface ConfigSection {
  /** `frontend` */
  readonly kind: string
  /** Empty where it has none. */
  readonly name: string
  /** What stands behind the name: `from theirs`. */
  readonly rest: readonly string[]
  readonly line: number
  readonly lines: readonly Line[]
  /** Whether it, or a line of it, is inside `.if`. */
  readonly conditional: boolean
}

const KINDS: ReadonlySet<string> = new Set([
  'backend',
  'cache',
  'crt-store',
  'defaults',
  'fcgi-app',
  'frontend',
  'global',
  'http-errors',
  'listen',
  'log-forward',
  'log-profile',
  'mailers',
  'peers',
  'program',
  'resolvers',
  'ring',
  'traces',
  'userlist',
])

/** Splits a configuration of HAProxy into its sections (configuration.txt, chapter 2). What stands before the first one is left out. */
export function readSections(text: string): readonly ConfigSection[] {
  const sections: (ConfigSection & { readonly lines: Line[] })[] = []
  let depth = 0
  for (const [index, raw] of text.split('\n').entries()) {
    const words = splitWords(raw)
    const [first = '', name = '', ...rest] = words
    if (first === '.if') depth++
    if (first === '.endif') depth--
    if (first === '' || first.startsWith('.')) continue
    const conditional = depth > 0
    if (KINDS.has(first)) {
      sections.push({ kind: first, name, rest, line: index + 1, lines: [], conditional })
      continue
    }
    const section = sections.at(-1)
    if (section === undefined) continue
    section.lines.push({ line: index + 1, words, conditional })
    if (conditional && !section.conditional) sections.splice(-1, 1, { ...section, conditional })
  }
  return sections
}

/** The words of a line: blanks part them, quotes and backslashes keep them together, and `#` ends the line (configuration.txt, 2.2). */
export function splitWords(line: string): readonly string[] {
  const words: string[] = []
  let word: string | undefined
  let quote = ''
  for (let at = 0; at < line.length; at++) {
    const character = line.charAt(at)
    if (quote === "'" ? character === "'" : quote !== '' && character === '"') quote = ''
    else if (quote !== "'" && character === '\\') word = (word ?? '') + line.charAt(++at)
    else if (quote === '' && (character === '"' || character === "'")) {
      quote = character
      word ??= ''
    } else if (quote === '' && character === '#') break
    else if (quote === '' && /\s/.test(character)) {
      if (word !== undefined) words.push(word)
      word = undefined
    } else word = (word ?? '') + character
  }
  return word === undefined ? words : [...words, word]
}
