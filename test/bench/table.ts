/** What every benchmark gives: figures beside their targets, measured in one run. */
export interface Row {
  readonly what: string
  readonly value: number
  readonly unit: string
  /** `<= 2`, or empty where the figure only explains another one. */
  readonly target: string
  readonly met: boolean
}

/** A row with an upper bound. */
export function atMost(what: string, value: number, unit: string, bound: number): Row {
  return { what, value, unit, target: `<= ${bound}`, met: value <= bound }
}

/** A row with a lower bound. */
export function atLeast(what: string, value: number, unit: string, bound: number): Row {
  return { what, value, unit, target: `>= ${bound}`, met: value >= bound }
}

/** A row without a target. */
export function figure(what: string, value: number, unit: string): Row {
  return { what, value, unit, target: '', met: true }
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

export function rounded(value: number): number {
  return Number(value.toPrecision(3))
}

/** One line of JSON for programs. */
export function toJson(bench: string, rows: readonly Row[]): string {
  return JSON.stringify({ bench, rows: rows.map((row) => ({ ...row, value: rounded(row.value) })) })
}

/** A table for people. */
export function toTable(rows: readonly Row[]): string {
  const lines = rows.map(({ what, value, unit, target, met }) => [
    what,
    `${rounded(value)} ${unit}`.trim(),
    target,
    target === '' ? '' : met ? 'met' : 'MISSED',
  ])
  const all = [['what', 'value', 'target', ''], ...lines]
  const widths = [0, 1, 2].map((column) => Math.max(...all.map((line) => line[column]?.length ?? 0)))
  return all
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
