/** What the documents of the repository hold: fenced blocks, links and headings. */
import { globSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

export const ROOT = resolve(import.meta.dirname, '../..')

export interface Block {
  /** Path from the root of the repository, and line, for people. */
  readonly at: string
  readonly file: string
  /** Nearest heading above it. */
  readonly heading: string
  /** What stands behind the fence: `yaml`, `sh`, or nothing. */
  readonly language: string
  /** Without the indent of the fence. */
  readonly text: string
}

export interface Link {
  readonly at: string
  readonly file: string
  readonly target: string
}

export interface Page {
  readonly file: string
  readonly text: string
  readonly blocks: readonly Block[]
  readonly links: readonly Link[]
  /** What `#…` may name. */
  readonly anchors: ReadonlySet<string>
  /** Text between backticks, outside of fences. */
  readonly code: readonly { readonly at: string; readonly text: string }[]
}

/** README, docs, and the documents beside what they explain. */
export function readPages(): readonly Page[] {
  const files = globSync('{*.md,docs/**/*.md,deploy/**/*.md,charts/**/*.md}', { cwd: ROOT })
  return files.toSorted().map(readPage)
}

export function readPage(file: string): Page {
  const text = readFileSync(join(ROOT, file), 'utf8')
  const blocks: Block[] = []
  const links: Link[] = []
  const code: { at: string; text: string }[] = []
  const anchors = new Map<string, number>()
  let heading = ''
  let fence: { readonly indent: number; readonly language: string; readonly line: number; text: string[] } | undefined
  for (const [index, line] of text.split('\n').entries()) {
    const at = `${file}:${index + 1}`
    const mark = /^( *)```(\w*)\s*$/.exec(line)
    if (fence !== undefined) {
      if (mark === null) fence.text.push(line.slice(fence.indent))
      else {
        const { language, text: lines } = fence
        blocks.push({ at: `${file}:${fence.line}`, file, heading, language, text: `${lines.join('\n')}\n` })
        fence = undefined
      }
      continue
    }
    if (mark !== null) {
      fence = { indent: mark[1]?.length ?? 0, language: mark[2] ?? '', line: index + 1, text: [] }
      continue
    }
    const title = /^#+ +(.*)$/.exec(line)?.[1]
    if (title !== undefined) {
      heading = title
      addAnchor(anchors, title)
    }
    for (const [, target = ''] of line.replaceAll(/`[^`]*`/g, '').matchAll(/\]\(([^)\s]+)\)/g)) {
      links.push({ at, file, target })
    }
    for (const [, found = ''] of line.matchAll(/`([^`]+)`/g)) code.push({ at, text: found })
  }
  if (fence !== undefined) throw new Error(`${file}:${fence.line} has a fence without an end`)
  return { file, text, blocks, links, anchors: new Set(anchors.keys()), code }
}

/** As GitHub makes them: letters, digits, dashes and underscores of the text; the second one of a name ends in -1. */
function addAnchor(anchors: Map<string, number>, title: string): void {
  const text = title.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase()
  const base = text.replaceAll(/[^\p{L}\p{N}\s_-]/gu, '').replaceAll(' ', '-')
  let name = base
  for (let count = 1; anchors.has(name); count++) name = `${base}-${count}`
  anchors.set(name, 1)
}
