/** docs/bench/edge.md and its chart; for other programs than HAProxy, edge-NAME.md. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { drawChart, timeText } from './chart.ts'
import { MOST_BYTES, MOST_MS, RATIO_FROM, STEPS, type Step, type Summary, summarize } from './edge-rows.ts'
import { type Measured, ROUNDS } from './edge-series.ts'
import type { ProgramKind } from './programs.ts'

export function writeEdgeDocument(
  folder: string,
  proxy: string,
  kind: ProgramKind,
  measured: readonly Measured[],
): void {
  const name = proxy === 'haproxy' ? 'edge' : `edge-${proxy}`
  const summaries = summarize(measured)
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, `${name}.md`), describe(name, proxy, kind, summaries, measured))
  writeFileSync(join(folder, `${name}.svg`), draw(kind, summaries))
}

function draw({ title }: ProgramKind, summaries: readonly Summary[]): string {
  const steps = Object.keys(STEPS) as readonly Step[]
  return drawChart({
    title: 'Time until a change is served, over 1,000 nodes',
    series: [`${title}, by hand`, `driver, fairway edge and ${title}`],
    panels: steps.map((step) => ({
      title: STEPS[step],
      rows: summaries
        .filter((one) => one.step === step)
        .map(({ frontends, bareMs, ms }) => ({ label: `${count(frontends)} frontends`, values: [bareMs, ms] })),
    })),
  })
}

function describe(
  name: string,
  proxy: string,
  kind: ProgramKind,
  summaries: readonly Summary[],
  measured: readonly Measured[],
): string {
  const changes = summaries.map(({ frontends, step, bareMs, ms, ratio, writes, bytes, passBytes }) => [
    count(frontends),
    STEPS[step],
    timeText(bareMs),
    timeText(ms),
    step === 'service' || kind.targets === 'reload' ? ratio.toFixed(2) : '',
    String(writes),
    kilobytes(bytes),
    kilobytes(passBytes),
  ])
  const sizes = measured.map(({ frontends, idle, memory }) => [
    count(frontends),
    timeText(idle.readMs),
    kilobytes(idle.readBytes),
    `${Math.round(memory.resident / 1e6)} MB`,
    `${Math.round(memory.peak / 1e6)} MB`,
  ])
  const { title } = kind
  return `# What \`fairway edge\` costs${proxy === 'haproxy' ? '' : ` with ${title}`}

Written by \`npm run bench -- edge --write${proxy === 'haproxy' ? '' : ` --proxy ${proxy}`}\`: medians of ${ROUNDS} rounds on ${machineText(title, measured)}.

![Time until a change is served, by hand and through fairway edge](${name}.svg)

${table(['frontends', 'change', 'by hand', 'edge', 'edge ÷ by hand', 'writes', 'of the write', 'of the pass'], changes)}

- **by hand**: what the program itself takes for the same change, on another ${title} beside it that has the same configuration at other addresses:
  ${kind.byHand}.
- **edge**: from the operator's driver over TLS to the edge, a process of its own, until the answer: the table and what ${title} starts with are on the disk, and ${title} was seen
  to serve them.
- **of the write**, **of the pass**: bytes on the wire in both directions, TLS and all; a pass reads before it writes.
- **${STEPS.service}**: two ports. **${STEPS.target}**: a node has another address. **${STEPS.node}**: a node is about to leave; it drains, and others take its place.
  Those nodes come first that most groups have. There are 1,000 nodes and \`maxTargets: 16\`, so the Services share 64 groups.

${limitsText(kind)}A leaving node is one request, and no more than ${kilobytes(MOST_BYTES)} for the pass.

${table(['frontends', 'a look at what is the same', 'bytes of that', 'memory of the edge', 'at most'], sizes)}

The look is what a pass costs that finds nothing to do. Memory is resident, after all of the changes above.
`
}

function limitsText({ targets, mostRatio }: ProgramKind): string {
  const service = `A new Service may take ${mostRatio} times as long as by hand from ${RATIO_FROM} frontends on. `
  const target = `A changed target may take ${MOST_MS} ms, the time between two passes of a class. `
  return `${mostRatio === undefined ? '' : service}${targets === 'runtime' ? target : ''}`
}

function machineText(title: string, [first]: readonly Measured[]): string {
  const processors = cpus()
  const model = processors[0]?.model.replaceAll(/\((?:R|TM)\)/g, '').trim()
  return `${processors.length} cores (${model}), ${title} ${first?.engine.split(' ')[1]}, Node ${process.versions.node}`
}

function count(number: number): string {
  return number.toLocaleString('en')
}

function kilobytes(bytes: number): string {
  return `${Number((bytes / 1_000).toPrecision(2))} kB`
}

/** Numbers to the right, as they are read. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((cell, column) => Math.max(cell.length, ...rows.map((row) => row[column]?.length ?? 0)))
  const isText = (column: number) => rows.some((row) => /^[^\d]/.test(row[column] ?? ''))
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, at) => (isText(at) ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0))).join(' | ')} |`
  const rule = widths.map((width, at) => (isText(at) ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`))
  return [line(head), `| ${rule.join(' | ')} |`, ...rows.map(line)].join('\n')
}
