/** docs/bench/edge.md and its chart. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { drawChart, timeText } from './chart.ts'
import { MOST_BYTES, MOST_MS, MOST_RATIO, STEPS, type Step, type Summary, summarize } from './edge-rows.ts'
import { type Measured, ROUNDS } from './edge-series.ts'

export function writeEdgeDocument(folder: string, measured: readonly Measured[]): void {
  const summaries = summarize(measured)
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'edge.md'), describe(summaries, measured))
  writeFileSync(join(folder, 'edge.svg'), draw(summaries))
}

function draw(summaries: readonly Summary[]): string {
  const steps = Object.keys(STEPS) as readonly Step[]
  return drawChart({
    title: 'Time until a change is served, over 1,000 nodes',
    series: ['HAProxy, by hand', 'driver, fairway edge and HAProxy'],
    panels: steps.map((step) => ({
      title: STEPS[step],
      rows: summaries
        .filter((one) => one.step === step)
        .map(({ frontends, bareMs, ms }) => ({ label: `${count(frontends)} frontends`, values: [bareMs, ms] })),
    })),
  })
}

function describe(summaries: readonly Summary[], measured: readonly Measured[]): string {
  const changes = summaries.map(({ frontends, step, bareMs, ms, ratio, writes, bytes, passBytes }) => [
    count(frontends),
    STEPS[step],
    timeText(bareMs),
    timeText(ms),
    step === 'service' ? ratio.toFixed(2) : '',
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
  return `# What \`fairway edge\` costs

Written by \`npm run bench -- edge --write\`: medians of ${ROUNDS} rounds on ${machineText()}.

![Time until a change is served, by hand and through fairway edge](edge.svg)

${table(['frontends', 'change', 'by hand', 'edge', 'edge ÷ by hand', 'writes', 'of the write', 'of the pass'], changes)}

- **by hand**: what the program itself takes for the same change, on a HAProxy beside it that has the same configuration at other addresses: \`haproxy -c\` and a reload
  by the master's socket, until the new worker answers; or the same runtime commands, sent to the worker.
- **edge**: from the operator's driver over TLS to the edge, a process of its own, until the answer: the table and HAProxy's file are on the disk, and HAProxy was seen
  to serve them. By hand nothing is written down, so HAProxy's next start would undo a changed target.
- **of the write**, **of the pass**: bytes on the wire in both directions, TLS and all; a pass reads before it writes.
- **${STEPS.service}**: two ports. **${STEPS.target}**: a node has another address. **${STEPS.node}**: a node is about to leave; it drains, and others take its place.
  Those nodes come first that most groups have. There are 1,000 nodes and \`maxTargets: 16\`, so the Services share 64 groups.

A new Service may take ${MOST_RATIO.ratio} times as long as by hand from ${MOST_RATIO.from} frontends on. A changed target may take ${MOST_MS} ms, the time between two passes of a class. A leaving node is
one request, and no more than ${kilobytes(MOST_BYTES)} for the pass.

${table(['frontends', 'a look at what is the same', 'bytes of that', 'memory of the edge', 'at most'], sizes)}

The look is what a pass costs that finds nothing to do. Memory is resident, after all of the changes above.
`
}

function machineText(): string {
  const processors = cpus()
  const model = processors[0]?.model.replaceAll(/\((?:R|TM)\)/g, '').trim()
  const version = /version (\S+?)-/.exec(execFileSync('haproxy', ['-v']).toString())?.[1]
  return `${processors.length} cores (${model}), HAProxy ${version}, Node ${process.versions.node}`
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
