import type { ConfigSection, Line } from '../haproxy/sections.ts'

/** The lines that hold in a section: those of its defaults, and its own behind them. */
export function effectiveLines(section: ConfigSection, sections: readonly ConfigSection[]): readonly Line[] {
  const from = section.rest[0] === 'from' ? section.rest[1] : undefined
  const before = sections.filter(({ kind, line }) => kind === 'defaults' && line < section.line)
  const defaults =
    from === undefined ? before.at(-1) : sections.find((one) => one.kind === 'defaults' && one.name === from)
  return [...(defaults?.lines ?? []), ...section.lines]
}

/** What stands behind a keyword, the last time that it is there. */
export function textOf(lines: readonly Line[], ...keyword: readonly string[]): string | undefined {
  return lines.findLast(({ words }) => keyword.every((word, place) => words[place] === word))?.words[keyword.length]
}

const UNITS: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** A time as HAProxy reads it, in milliseconds where it names no unit (configuration.txt, 2.5). */
export function readTime(text: string | undefined): number | undefined {
  const [, digits, unit = ''] = /^(\d{1,12})(us|ms|s|m|h|d)?$/.exec(text ?? '') ?? []
  const value = digits === undefined ? undefined : Math.round(Number(digits) * (UNITS[unit] ?? 1))
  return value === 0 ? undefined : value
}
