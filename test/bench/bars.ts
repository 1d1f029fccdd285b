/** Bars beside their targets, as SVG for light and dark pages. */

export interface Bar {
  readonly label: string
  /** Of the target: 1 is just met. */
  readonly share: number
  readonly text: string
  readonly target: string
  readonly met: boolean
}

export interface Bars {
  readonly title: string
  readonly note: string
  readonly panels: readonly { readonly title: string; readonly bars: readonly Bar[] }[]
}

const WIDTH = 900
/** Where bars begin, where the target is, and where longer ones are cut, in pixels. */
const AXIS = { left: 400, target: 620, right: 720 }
const ROW = 24
const PANEL_TITLE = 34
const TOP = 62
const BOTTOM = 16

/** On a background of its own: a page may be dark where its reader's system is not. */
const STYLE = `
  svg { font: 12px system-ui, -apple-system, 'Segoe UI', sans-serif } .strong { font-weight: 600; font-size: 13px }
  .page { fill: #ffffff } .ink { fill: #1f2328 } .soft { fill: #59636e } .met { fill: #0969da } .missed { fill: #bf5b00 }
  .track { fill: #eef1f4 } .target { stroke: #59636e; stroke-width: 1.5 }
  @media (prefers-color-scheme: dark) {
    .page { fill: #0d1117 } .ink { fill: #e6edf3 } .soft { fill: #9198a1 } .met { fill: #58a6ff } .missed { fill: #f0883e }
    .track { fill: #1c222b } .target { stroke: #9198a1 }
  }
`

export function drawBars({ title, note, panels }: Bars): string {
  const heights = panels.map(({ bars }) => PANEL_TITLE + bars.length * ROW)
  const tops = heights.map((_, index) => TOP + heights.slice(0, index).reduce((sum, height) => sum + height, 0))
  const height = TOP + heights.reduce((sum, one) => sum + one, 0) + BOTTOM
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img">
<title>${escape(title)}</title>
<style>${STYLE}</style>
<rect class="page" width="${WIDTH}" height="${height}"/>
${text(16, 26, 'ink strong', title)}
${text(16, 46, 'soft', note)}
${panels.map((panel, index) => drawPanel(panel, tops[index] ?? 0)).join('\n')}
</svg>
`
}

function drawPanel({ title, bars }: Bars['panels'][number], top: number): string {
  const rows = bars.map((bar, index) => drawBar(bar, top + PANEL_TITLE + index * ROW))
  return [text(16, top + PANEL_TITLE - 10, 'ink strong', title), ...rows].join('\n')
}

function drawBar({ label, share, text: value, target, met }: Bar, top: number): string {
  const [middle, barTop, height] = [top + ROW / 2, top + 5, ROW - 10]
  const full = AXIS.target - AXIS.left
  const length = Math.max(2, Math.min(share * full, AXIS.right - AXIS.left))
  return [
    text(16, middle + 4, 'ink', label),
    `<rect class="track" x="${AXIS.left}" y="${barTop}" width="${AXIS.right - AXIS.left}" height="${height}"/>`,
    `<rect class="${met ? 'met' : 'missed'}" x="${AXIS.left}" y="${barTop}" width="${length.toFixed(1)}" height="${height}"/>`,
    `<line class="target" x1="${AXIS.target}" y1="${top + 2}" x2="${AXIS.target}" y2="${top + ROW - 2}"/>`,
    text(AXIS.right + 12, middle + 4, met ? 'ink' : 'ink strong', value),
    text(WIDTH - 16, middle + 4, 'soft', target, 'end'),
  ].join('\n')
}

function text(x: number, y: number, classes: string, content: string, anchor = 'start'): string {
  return `<text class="${classes}" x="${x}" y="${y}" text-anchor="${anchor}">${escape(content)}</text>`
}

function escape(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}
