/** What a line says at a glance; how that looks is for whoever prints it. */
export type Tone = 'plain' | 'title' | 'good' | 'warn' | 'bad' | 'faint'

export interface Line {
  readonly text: string
  readonly tone: Tone
}

export interface Row {
  readonly cells: readonly string[]
  readonly tone?: Tone
}

const GAP = '  '

/** One line, plain unless it is said how it sounds. */
export function line(text: string, tone: Tone = 'plain'): Line {
  return { text, tone }
}

/** Rows under a head, in columns as wide as their widest cell. Nothing at all where there are no rows. */
export function columns(head: readonly string[], rows: readonly Row[], indent = ''): readonly Line[] {
  if (rows.length === 0) return []
  const all: readonly Row[] = [{ cells: head, tone: 'faint' }, ...rows]
  const widths = head.map((_, at) => Math.max(...all.map(({ cells }) => (cells[at] ?? '').length)))
  return all.map(({ cells, tone = 'plain' }) => {
    const padded = head.map((_, at) => (cells[at] ?? '').padEnd(widths[at] ?? 0))
    return { text: `${indent}${padded.join(GAP)}`.trimEnd(), tone }
  })
}

/** Blocks with an empty line between those that say something. */
export function paragraphs(...blocks: readonly (readonly Line[])[]): readonly Line[] {
  return blocks.filter((block) => block.length > 0).flatMap((block, at) => (at === 0 ? block : [line(''), ...block]))
}

/** `1 proxy`, `2 proxies` */
export function countOf(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`
}
