/** A chart of pairs of times on a logarithmic axis, as SVG for light and dark pages. */

export interface ChartRow {
  readonly label: string
  /** Milliseconds, in the order of the chart's series. */
  readonly values: readonly [number, number]
}

export interface Chart {
  readonly title: string
  /** What the two values of each row are. */
  readonly series: readonly [string, string]
  readonly panels: readonly { readonly title: string; readonly rows: readonly ChartRow[] }[]
}

const WIDTH = 760
/** Of the axis: its ends in pixels, and the powers of ten in milliseconds that they stand for. */
const AXIS = { left: 200, right: 700, lowest: 0, highest: 4 }
const ROW = 26
const PANEL_TITLE = 34
const TOP = 64
const BOTTOM = 34
const RADIUS = 6

/** On a background of its own: a page may be dark where its reader's system is not. */
const STYLE = `
  svg { font: 13px system-ui, -apple-system, 'Segoe UI', sans-serif }
  text { paint-order: stroke; stroke-width: 4px; stroke-linejoin: round } .strong { font-weight: 600 }
  .page { fill: #ffffff } text { stroke: #ffffff } .ink { fill: #1f2328 } .soft { fill: #59636e }
  .grid { stroke: #d8dee4 } .link { stroke: #9aa4af; stroke-width: 2 } .first { fill: #6e7781 } .second { fill: #0969da }
  @media (prefers-color-scheme: dark) {
    .page { fill: #0d1117 } text { stroke: #0d1117 } .ink { fill: #e6edf3 } .soft { fill: #9198a1 }
    .grid { stroke: #2a313c } .link { stroke: #59636e } .first { fill: #9198a1 } .second { fill: #58a6ff }
  }
`

export function drawChart({ title, series, panels }: Chart): string {
  const heights = panels.map(({ rows }) => PANEL_TITLE + rows.length * ROW)
  const end = TOP + heights.reduce((sum, height) => sum + height, 0)
  const tops = heights.map((_, index) => TOP + heights.slice(0, index).reduce((sum, height) => sum + height, 0))
  const height = end + BOTTOM
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img">
<title>${escape(title)}</title>
<style>${STYLE}</style>
<rect class="page" width="${WIDTH}" height="${height}"/>
${text(16, 26, 'ink strong', title)}
${legend(series)}
${axis(end)}
${panels.map((panel, index) => drawPanel(panel, tops[index] ?? 0)).join('\n')}
</svg>
`
}

function legend(series: Chart['series']): string {
  return series
    .map((name, index) => {
      const x = 22 + index * 160
      return `<circle class="${classOf(index)}" cx="${x}" cy="46" r="${RADIUS}"/>${text(x + 12, 50, 'ink', name)}`
    })
    .join('\n')
}

function axis(end: number): string {
  const powers = Array.from({ length: AXIS.highest - AXIS.lowest + 1 }, (_, index) => AXIS.lowest + index)
  return powers
    .map((power) => {
      const x = place(10 ** power)
      const line = `<line class="grid" x1="${x}" y1="${TOP}" x2="${x}" y2="${end + 6}"/>`
      return line + text(x, end + 22, 'soft', timeText(10 ** power), 'middle')
    })
    .join('\n')
}

function drawPanel({ title, rows }: Chart['panels'][number], top: number): string {
  const lines = rows.map((row, index) => drawRow(row, top + PANEL_TITLE + (index + 0.5) * ROW))
  return [text(16, top + PANEL_TITLE - 10, 'ink strong', title), ...lines].join('\n')
}

function drawRow({ label, values }: ChartRow, y: number): string {
  const [a, b] = [place(values[0]), place(values[1])]
  const dots = [a, b].map((x, index) => `<circle class="${classOf(index)}" cx="${x}" cy="${y}" r="${RADIUS}"/>`)
  const texts = [a, b].map((x, index) => {
    const before = index === 0 ? a <= b : b < a
    return text(x + (before ? -11 : 11), y + 4, 'soft', timeText(values[index] ?? 0), before ? 'end' : 'start')
  })
  const link = `<line class="link" x1="${a}" y1="${y}" x2="${b}" y2="${y}"/>`
  return [text(16, y + 4, 'ink', label), link, ...dots, ...texts].join('\n')
}

function classOf(series: number): string {
  return series === 0 ? 'first' : 'second'
}

/** The x of a time. Times beyond the ends are put at the ends. */
function place(ms: number): number {
  const share = (Math.log10(ms) - AXIS.lowest) / (AXIS.highest - AXIS.lowest)
  return Math.round(AXIS.left + Math.min(1, Math.max(0, share)) * (AXIS.right - AXIS.left))
}

/** `2.4 ms`, `178 ms`, `1.2 s` */
export function timeText(ms: number): string {
  if (ms >= 1_000) return `${Number((ms / 1_000).toPrecision(2))} s`
  return `${ms < 10 ? Number(ms.toFixed(1)) : Math.round(ms)} ms`
}

function text(x: number, y: number, classes: string, content: string, anchor = 'start'): string {
  return `<text class="${classes}" x="${x}" y="${y}" text-anchor="${anchor}">${escape(content)}</text>`
}

function escape(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}
