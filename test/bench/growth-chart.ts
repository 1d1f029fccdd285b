/** Lines of time and memory over the number of Services, as SVG for light and dark pages. */
import type { Grown } from './growth.ts'

const WIDTH = 760
const HEIGHT = 320
const TOP = 76
const BOTTOM = 276
/** Of the two panels' axes. */
const LEFT = [70, 440] as const
const PANEL = 270
const STEPS = 4

/** On a background of its own: a page may be dark where its reader's system is not. */
const STYLE = `
  svg { font: 13px system-ui, -apple-system, 'Segoe UI', sans-serif } .strong { font-weight: 600 }
  .page { fill: #ffffff } .ink { fill: #1f2328 } .soft { fill: #59636e } .grid { stroke: #d8dee4 }
  .even { stroke: #9aa4af; stroke-dasharray: 4 4 } .line { stroke: #0969da; stroke-width: 2; fill: none } .dot { fill: #0969da }
  @media (prefers-color-scheme: dark) {
    .page { fill: #0d1117 } .ink { fill: #e6edf3 } .soft { fill: #9198a1 } .grid { stroke: #2a313c }
    .even { stroke: #59636e } .line { stroke: #58a6ff } .dot { fill: #58a6ff }
  }
`

interface Panel {
  readonly left: number
  readonly title: string
  readonly unit: string
  /** Number of Services, and what it takes. */
  readonly points: readonly (readonly [number, number])[]
}

/** `grown`: by the number of Services, the empty process first. The dashed line is what would be if all were like the first size. */
export function drawGrowth(grown: readonly Grown[]): string {
  const [empty, ...sizes] = grown
  const heap = (one: Grown) => (one.heap - (empty?.heap ?? 0)) / 1e6
  const panels: readonly Panel[] = [
    { left: LEFT[0], title: 'A full pass', unit: 'ms', points: sizes.map((one) => [one.services, one.fullMs]) },
    {
      left: LEFT[1],
      title: 'Memory above the empty process',
      unit: 'MB',
      points: sizes.map((one) => [one.services, heap(one)]),
    },
  ]
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img">
<title>Time and memory over the number of Services</title>
<style>${STYLE}</style>
<rect class="page" width="${WIDTH}" height="${HEIGHT}"/>
${text(16, 26, 'ink strong', 'Time and memory over the number of Services')}
${panels.map(drawPanel).join('\n')}
</svg>
`
}

function drawPanel({ left, title, unit, points }: Panel): string {
  const most = roundUp(Math.max(...points.map(([, value]) => value)))
  const widest = points.at(-1)?.[0] ?? 1
  const x = (services: number) => Math.round(left + (services / widest) * PANEL)
  const y = (value: number) => Math.round(BOTTOM - (value / most) * (BOTTOM - TOP))
  const grid = Array.from({ length: STEPS + 1 }, (_, index) => {
    const value = (index * most) / STEPS
    const line = `<line class="grid" x1="${left}" y1="${y(value)}" x2="${left + PANEL}" y2="${y(value)}"/>`
    return line + text(left - 8, y(value) + 4, 'soft', String(value), 'end')
  })
  const path = points.map(([services, value]) => `${x(services)},${y(value)}`).join(' ')
  const [services = 1, value = 0] = points[0] ?? []
  return [
    text(left, 58, 'ink strong', `${title}, ${unit}`),
    ...grid,
    // In proportion to the smallest size.
    `<line class="even" x1="${left}" y1="${BOTTOM}" x2="${x(widest)}" y2="${y((value / services) * widest)}"/>`,
    `<polyline class="line" points="${path}"/>`,
    ...points.map(([at, took]) => `<circle class="dot" cx="${x(at)}" cy="${y(took)}" r="5"/>`),
    ...points.map(([at]) => text(x(at), BOTTOM + 20, 'soft', `${at / 1_000}k`, 'middle')),
  ].join('\n')
}

/** To a number that divides into steps without many digits. */
function roundUp(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value))
  return Math.ceil(value / power) * power
}

function text(x: number, y: number, classes: string, content: string, anchor = 'start'): string {
  return `<text class="${classes}" x="${x}" y="${y}" text-anchor="${anchor}">${content}</text>`
}
