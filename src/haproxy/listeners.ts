import type { Listener } from '../model/driver.ts'
import { readBinds } from './binds.ts'
import { type ConfigSection, type Line, readSections } from './sections.ts'

/**
 * Reads what a configuration listens on; the holder is the section, `frontend web`. What depends on the environment, on conditions, names or file
 * descriptors is left out: whoever binds finds it.
 */
export function readListeners(text: string): readonly Listener[] {
  return readSections(text).flatMap((section) => section.lines.flatMap((line) => listenersOf(section, line)))
}

function listenersOf({ kind, name }: ConfigSection, { words, conditional }: Line): readonly Listener[] {
  const isDatagram = words[0] === 'dgram-bind'
  const place = words[0] === 'stats' && words[1] === 'socket' ? 2 : words[0] === 'bind' || isDatagram ? 1 : undefined
  const word = place === undefined ? undefined : words[place]
  if (word === undefined || conditional) return []
  const holder = name === '' ? kind : `${kind} ${name}`
  return readBinds(word, words.includes('v6only')).flatMap((bound) => {
    if (bound === undefined) return []
    return [{ ...bound, protocol: isDatagram ? 'UDP' : bound.protocol, holder }]
  })
}
