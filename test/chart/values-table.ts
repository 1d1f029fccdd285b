import { parse } from 'yaml'

interface Value {
  /** `image.tag` */
  readonly path: string
  /** The comment above it, up to the first blank line of it. */
  readonly meaning: string
}

/**
 * All values of the text of values.yaml that have a comment, in their order. A comment stands right above its key. Keys below one with a value that is used
 * whole, like `resources`, have none.
 */
export function readValues(text: string): readonly Value[] {
  const values: Value[] = []
  let parents: readonly string[] = []
  let comment: string[] = []
  for (const line of text.split('\n')) {
    const said = /^ *#(.*)$/.exec(line)?.[1]
    const key = /^( *)(\w+):/.exec(line)
    if (said !== undefined) comment.push(said.trim())
    else if (key !== null) {
      const path = [...parents.slice(0, (key[1] ?? '').length / 2), key[2] ?? '']
      if (comment.length > 0) values.push({ path: path.join('.'), meaning: firstParagraph(comment) })
      parents = path
      comment = []
    } else comment = []
  }
  return values
}

function firstParagraph(lines: readonly string[]): string {
  const end = lines.indexOf('')
  return lines.slice(0, end < 0 ? undefined : end).join(' ')
}

/** Paths of all values that somebody can set: maps are looked into where their keys are documented one by one. */
export function leavesOf(text: string): readonly string[] {
  const documented = new Set(readValues(text).map(({ path }) => path))
  const collect = (value: unknown, path: string): readonly string[] => {
    if (documented.has(path) || !isMap(value)) return [path]
    return Object.entries(value).flatMap(([key, one]) => collect(one, path === '' ? key : `${path}.${key}`))
  }
  return collect(parse(text), '')
}

/** The table of the chart's README: value, default, meaning. */
export function valuesTable(text: string): string {
  const defaults: unknown = parse(text)
  const rows = readValues(text).map(({ path, meaning }) => {
    return `| \`${path}\` | ${shown(at(defaults, path))} | ${meaning.replaceAll('|', '\\|')} |`
  })
  return ['| value | default | meaning |', '| --- | --- | --- |', ...rows].join('\n')
}

export function at(value: unknown, path: string): unknown {
  return path.split('.').reduce((inner, key) => (isMap(inner) ? inner[key] : undefined), value)
}

function shown(value: unknown): string {
  if (value === '') return ''
  return `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
