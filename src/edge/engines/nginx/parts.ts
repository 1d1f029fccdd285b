/** A directive of the configuration file with its block, and the frontends that it is there for. */
export interface Part {
  /** Ids of BoundFrontends; none: it is there for all. */
  readonly owners: readonly string[]
  readonly lines: readonly string[]
}

/** `upstream x {`, what is in it, and `}`. */
export function block(owners: readonly string[], head: string, lines: readonly string[]): Part {
  return { owners, lines: [`${head} {`, ...lines.map((line) => `  ${line}`), '}'] }
}

/** The file that consists of these parts. */
export function partsText(parts: readonly Part[]): string {
  // Thousands of parts: V8 puts one text together faster than it joins lists of lines.
  let text = ''
  for (const { lines } of parts) for (const line of lines) text += `${line}\n`
  return text
}

/** The part that a line of `partsText` is in, counted from 1. */
export function partAt(parts: readonly Part[], line: number): Part | undefined {
  let last = 0
  return parts.find(({ lines }) => {
    last += lines.length
    return line <= last
  })
}
