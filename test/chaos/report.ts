/** docs/chaos.md and its picture, from runs that passed. */
import { writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { FAULTS } from './faults.ts'
import { drawRecoveries } from './picture.ts'
import type { RunRecord, StormRecord } from './run.ts'
import { SETTLES_WITHIN_MS } from './settle.ts'

const DOCS = resolve(import.meta.dirname, '../../docs')

export async function writeReport(runs: readonly RunRecord[]): Promise<void> {
  await writeFile(join(DOCS, 'chaos.svg'), drawRecoveries(runs))
  await writeFile(join(DOCS, 'chaos.md'), renderReport(runs))
}

function renderReport(runs: readonly RunRecord[]): string {
  const storms = runs.flatMap((run) => run.storms)
  return `${INTRODUCTION}
## The last runs

${runs.map(sayRun).join('\n')}

${sayLoad(storms)} None failed that had to succeed, none was answered by another Service's targets.

![How long each recovery took](chaos.svg)

${renderTable(storms)}
`
}

const INTRODUCTION = `# Chaos

Written by \`npm run chaos -- --seed N,N --minutes M --write\`, or with \`--report\` of runs that went on side by side.

Services, pods, nodes and pools change at random while faults strike: an API server with etcd, two replicas of the operator, an edge with HAProxy, a second
cluster on the same edge, and clients, all of them real programs, in a network of their own. A storm is one fault, or two at once, and 4 to 16 changes. A seed reproduces
changes and faults; \`test-output/chaos\` has their sequence and the operators' logs.

After each storm, within ${SETTLES_WITHIN_MS / 1_000} seconds:

- HAProxy listens on what the cluster wants and on nothing else, and each port is answered by its own Service's targets;
- \`fairway plan\` has nothing to do, and each Service's status shows the address that serves it;
- no Service has another address than before;
- what the edge acknowledged to the second cluster is there, and the administrator's own frontend answers.

During a storm no client reaches another Service's targets. As long as HAProxy and its network are well, all connections to frontends that nobody changed
succeed, and transfers over them last.
`

function sayRun({ seed, minutes, storms }: RunRecord): string {
  return `- seed ${seed}, ${minutes} minutes: ${storms.length} storms, ${sum(storms, (one) => one.actions)} changes`
}

function sayLoad(storms: readonly StormRecord[]): string {
  const [connections, transfers] = [sum(storms, (one) => one.connections), sum(storms, (one) => one.transfers)]
  return `${connections.toLocaleString('en')} connections and ${transfers.toLocaleString('en')} long transfers were made.`
}

function renderTable(storms: readonly StormRecord[]): string {
  const rows = FAULTS.flatMap(({ name, what }) => {
    const struck = storms.filter(({ faults }) => faults.some((one) => one.name === name))
    if (struck.length === 0) return []
    const times = struck.map(({ recoveryMs }) => recoveryMs).toSorted((a, b) => a - b)
    return [
      `| ${name} | ${what} | ${struck.length} | ${seconds(times[times.length >> 1])} | ${seconds(times.at(-1))} |`,
    ]
  })
  const head = '| fault | what it is | struck | recovery: median | longest |\n| --- | --- | --- | --- | --- |'
  return `${head}\n${rows.join('\n')}\n\nA recovery is from the end of the last fault of a storm until all is as wished.`
}

function seconds(ms: number | undefined): string {
  return `${((ms ?? 0) / 1_000).toFixed(1)} s`
}

function sum<T>(all: readonly T[], count: (one: T) => number): number {
  return all.reduce((total, one) => total + count(one), 0)
}
