/** How long recoveries took, as an SVG: a line for each fault, a dot for each time that it struck. */
import { FAULTS } from './faults.ts'
import type { RunRecord } from './run.ts'

const LEFT = 190
const WIDTH = 900
const ROW = 18
const TOP = 34
/** One colour for each run. They differ in brightness too. */
const COLOURS = ['#1b4965', '#ca6702', '#5fa8d3', '#9b2226', '#94a187']

export function drawRecoveries(runs: readonly RunRecord[]): string {
  const all = runs.flatMap((run) => run.storms)
  const names = FAULTS.map(({ name }) => name).filter((name) =>
    all.some(({ faults }) => faults.some((one) => one.name === name)),
  )
  const most = Math.max(5_000, ...all.map(({ recoveryMs }) => recoveryMs))
  const across = (ms: number) => Math.round(LEFT + (ms / most) * (WIDTH - LEFT - 20))
  const down = (name: string) => TOP + names.indexOf(name) * ROW + ROW / 2
  const height = TOP + names.length * ROW + 30
  const dots = runs.flatMap(({ seed, storms }, at) =>
    storms.flatMap(({ faults, recoveryMs }) =>
      faults.map(
        ({ name }) =>
          `<circle cx="${across(recoveryMs)}" cy="${down(name)}" r="4" fill="${COLOURS[at % COLOURS.length]}" fill-opacity="0.7"><title>seed ${seed}: ${name}, ${(recoveryMs / 1_000).toFixed(1)} s</title></circle>`,
      ),
    ),
  )
  const lines = names.map(
    (name) => `<line x1="${LEFT}" x2="${WIDTH - 20}" y1="${down(name)}" y2="${down(name)}" stroke="#ddd"/>`,
  )
  const labels = names.map((name) => `<text x="${LEFT - 10}" y="${down(name) + 4}" text-anchor="end">${name}</text>`)
  const step = most > 30_000 ? 10_000 : 5_000
  const ticks = Array.from({ length: Math.floor(most / step) + 1 }, (_, at) => at * step).map(
    (ms) =>
      `<line x1="${across(ms)}" x2="${across(ms)}" y1="${TOP}" y2="${height - 26}" stroke="#bbb"/><text x="${across(ms)}" y="${height - 10}" text-anchor="middle">${ms / 1_000} s</text>`,
  )
  const legend = runs.map(
    ({ seed }, at) =>
      `<circle cx="${LEFT + at * 90}" cy="14" r="4" fill="${COLOURS[at % COLOURS.length]}"/><text x="${LEFT + at * 90 + 9}" y="18">seed ${seed}</text>`,
  )
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="12" role="img" aria-label="Recovery times by fault">
<rect width="100%" height="100%" fill="#fff"/>
${[...ticks, ...lines, ...labels, ...legend, ...dots].join('\n')}
</svg>
`
}
