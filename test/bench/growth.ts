/** How the time and the memory of the part that thinks grow with the number of Services. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { step, toStderr } from '../lab/progress.ts'
import { bundleInto, operatorFlags } from './edge-bundle.ts'
import { drawGrowth } from './growth-chart.ts'
import { atMost, figure, median, type Row } from './table.ts'
import { serviceListText } from './world.ts'

const SIZES = [1_000, 2_000, 5_000, 10_000] as const
const NODES = 1_000
const RUNS = 3
const ROUNDS = 15
/** As the operator reads lists. */
const PER_PAGE = 500
const MOST_GROWTH = 1.1
const RUN_TAKES_AT_MOST_MS = 300_000
const DOCUMENTS = resolve(import.meta.dirname, '../../docs/bench')

/** What one process tells of itself. */
export interface GrowthSample {
  /** Bytes in use after a full pass: of JavaScript's heap, and resident. */
  readonly heap: number
  readonly resident: number
  /** Of a pass over Services that nobody has seen before, and of one after a change of one Service. */
  readonly fullMs: number
  readonly singleMs: number
}

export interface Grown extends GrowthSample {
  readonly services: number
}

export async function benchGrowth(signal: AbortSignal, write: boolean): Promise<readonly Row[]> {
  const dir = mkdtempSync(join(tmpdir(), 'fairway-bench-'))
  try {
    const program = [...operatorFlags(), bundleInto(dir, join(import.meta.dirname, 'growth-main.ts'))]
    const pages = new Map([0, ...SIZES].map((services) => [services, writePages(dir, services)]))
    const samples = new Map<number, GrowthSample[]>()
    // In turn, so that a busy moment of the machine meets all sizes.
    for (let run = 1; run <= RUNS; run++) {
      for (const [services, files] of pages) {
        signal.throwIfAborted()
        const sample = await step(toStderr, `${services} Services, run ${run}`, () =>
          Promise.resolve(measure(program, files)),
        )
        samples.set(services, [...(samples.get(services) ?? []), sample])
      }
    }
    const grown = [...samples].map(([services, some]) => summarize(services, some))
    if (write) {
      mkdirSync(DOCUMENTS, { recursive: true })
      writeFileSync(join(DOCUMENTS, 'growth.svg'), drawGrowth(grown))
    }
    return rows(grown)
  } finally {
    rmSync(dir, { recursive: true })
  }
}

function writePages(dir: string, services: number): readonly string[] {
  if (services === 0) return []
  const list = JSON.parse(serviceListText(services)) as { readonly items: readonly unknown[] }
  return Array.from({ length: Math.ceil(services / PER_PAGE) }, (_, page) => {
    const file = join(dir, `${services}-${page}.json`)
    writeFileSync(file, JSON.stringify({ ...list, items: list.items.slice(page * PER_PAGE, (page + 1) * PER_PAGE) }))
    return file
  })
}

function measure(program: readonly string[], pages: readonly string[]): GrowthSample {
  const argv = [...program, String(NODES), String(ROUNDS), ...pages]
  const stdio = ['ignore', 'pipe', 'inherit'] as const
  const { stdout, status } = spawnSync(process.execPath, argv, { stdio: [...stdio], timeout: RUN_TAKES_AT_MOST_MS })
  if (status !== 0) throw new Error(`a measured process ended with ${status}`)
  return JSON.parse(stdout.toString()) as GrowthSample
}

function summarize(services: number, samples: readonly GrowthSample[]): Grown {
  const of = (read: (sample: GrowthSample) => number) => median(samples.map(read))
  return {
    services,
    heap: of(({ heap }) => heap),
    resident: of(({ resident }) => resident),
    fullMs: of(({ fullMs }) => fullMs),
    singleMs: of(({ singleMs }) => singleMs),
  }
}

function rows([empty, ...grown]: readonly Grown[]): readonly Row[] {
  const [first, last] = [grown[0], grown.at(-1)]
  if (empty === undefined || first === undefined || last === undefined) throw new Error('nothing was measured')
  const growth = (read: (one: Grown) => number) => read(last) / read(first) / (last.services / first.services)
  const above = (one: Grown) => one.heap - empty.heap
  const what = `${count(last.services)} Services ÷ ${count(first.services)} ÷ ${last.services / first.services}`
  return [
    ...grown.flatMap(({ services, heap, resident, fullMs, singleMs }) => [
      figure(`${count(services)} Services: a full pass`, fullMs, 'ms'),
      figure(`${count(services)} Services: a pass after one change`, singleMs, 'ms'),
      figure(`${count(services)} Services: heap above the empty process`, (heap - empty.heap) / 1e6, 'MB'),
      figure(`${count(services)} Services: resident above the empty process`, (resident - empty.resident) / 1e6, 'MB'),
    ]),
    atMost(
      `a full pass: ${what}`,
      growth(({ fullMs }) => fullMs),
      '',
      MOST_GROWTH,
    ),
    atMost(
      `a pass after one change: ${what}`,
      growth(({ singleMs }) => singleMs),
      '',
      MOST_GROWTH,
    ),
    atMost(`memory above the empty process: ${what}`, growth(above), '', MOST_GROWTH),
  ]
}

function count(services: number): string {
  return services.toLocaleString('en')
}
