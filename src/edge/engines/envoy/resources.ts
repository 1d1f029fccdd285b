import { createHash } from 'node:crypto'
import { compareText } from '../../../model/table.ts'
import type { Message } from './types.ts'

/** All listeners, or all clusters, as a file of ours has them. */
export interface Resources {
  /** Names the content: what Envoy says that it has loaded. */
  readonly version: string
  /** JSON by name. */
  readonly byName: ReadonlyMap<string, string>
  /** Of the file: an answer of discovery, with one resource on each line. */
  readonly text: string
}

/** In the order of their names, so that two with the same content are the same. */
export function makeResources(unsorted: ReadonlyMap<string, string>): Resources {
  const byName = new Map([...unsorted].toSorted(([a], [b]) => compareText(a, b)))
  const lines = [...byName.values()].join(',\n')
  const version = createHash('sha256').update(lines).digest('hex').slice(0, 16)
  return { version, byName, text: `{"version_info":"${version}","resources":[\n${lines}\n]}\n` }
}

/** Renders named things, each to a message that bears its type and name first. */
export function renderResources<Item extends { readonly name: string }>(
  items: readonly Item[],
  render: (item: Item) => Message,
): Resources {
  return makeResources(new Map(items.map((item) => [item.name, JSON.stringify(render(item))])))
}

/** Reads a text of `makeResources`. What is not one, as after an edit by hand, has nothing that is known, and a version that is no other's. */
export function parseResources(text: string): Resources {
  const byName = new Map<string, string>()
  for (const line of text.split('\n').slice(1, -2)) {
    const json = line.replace(/,$/, '')
    const name = nameOf(json)
    if (name !== undefined) byName.set(name, json)
  }
  const made = makeResources(byName)
  return made.text === text ? made : { ...made, version: '', text }
}

/** Names are of words that JSON does not change. */
function nameOf(json: string): string | undefined {
  return /^\{"@type":"[\w./]+","name":"(?<name>[^"\\]+)"/.exec(json)?.groups?.['name']
}
