import { shorten } from '../common/sentences.ts'
import { type Section, sectionAt } from './sections.ts'

/** What HAProxy has against the configuration, and whose frontends it is about; none: nobody's alone. */
export interface Fault {
  readonly owners: readonly string[]
  /** HAProxy's own, without its process id and lines of the candidate. */
  readonly sentence: string
}

const ALERT = /^\[ALERT\]\s+\(\d+\) : (?:config : )?(?<text>.*)$/gm
const SUMMARY = /^(?:Fatal errors|Error\(s\)) found in configuration/

/** Reads what `haproxy -c` says of a candidate that is made of sections. */
export function readVerdicts(output: string, candidate: string, sections: readonly Section[]): readonly Fault[] {
  return [...output.matchAll(ALERT)]
    .map(({ groups }) => groups?.['text'] ?? '')
    .filter((text) => !SUMMARY.test(text))
    .map((text) => ({ owners: ownersOf(text, candidate, sections), sentence: sentenceOf(text, candidate) }))
}

/** A message names the line it is about, or else the section. */
function ownersOf(text: string, candidate: string, sections: readonly Section[]): readonly string[] {
  const line = text.split(`[${candidate}:`)[1]
  if (line !== undefined) return sectionAt(sections, Number.parseInt(line, 10))?.owners ?? []
  const name = /\bfairway\.[\w.:-]+/.exec(text)?.[0]
  return sections.find(({ head }) => head.split(' ')[1] === name)?.owners ?? []
}

function sentenceOf(text: string, candidate: string): string {
  const place = text.indexOf(`[${candidate}:`)
  const plain = place < 0 ? text : text.slice(place).replace(/^\[[^\]]*\] ?: ?/, '')
  return shorten(plain.replace(/[.\s]+$/, ''))
}
