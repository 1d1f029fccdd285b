/** What the benchmark of the edge says, and what it is held against. */
import type { Measured, Sample } from './edge-series.ts'
import type { ProgramKind } from './programs.ts'
import { atMost, figure, median, type Row } from './table.ts'

/** At ten frontends a request weighs as much as what the program does, so there the ratio is only told. */
export const RATIO_FROM = 500
/**
 * A few commands take HAProxy some milliseconds at any size, and by hand nobody writes down what a restart is to serve. So the bound is not HAProxy's time: a class's
 * passes begin half a second apart, and the edge must not be what they wait for.
 */
export const MOST_MS = 500
/** When a node leaves, one group in sixty changes, and no more than that may travel, what the pass reads before it writes included. */
export const MOST_BYTES = 64_000

export const STEPS = { service: 'new Service', target: 'changed target', node: 'leaving node' } as const
export type Step = keyof typeof STEPS

/** Medians of one kind of change. */
export interface Summary extends Sample {
  readonly frontends: number
  readonly step: Step
  /** All that a pass sends and receives. */
  readonly passBytes: number
  /** Of the rounds' own ratios: what is busy beside meets both halves of a round. */
  readonly ratio: number
}

export function summarize(measured: readonly Measured[]): readonly Summary[] {
  return measured.flatMap((one) =>
    (['service', 'target', 'node'] as const).map((step): Summary => {
      const of = (read: (sample: Sample) => number) => median(one[step].map(read))
      return {
        frontends: one.frontends,
        step,
        ms: of(({ ms }) => ms),
        bareMs: of(({ bareMs }) => bareMs),
        bytes: of(({ bytes }) => bytes),
        writes: of(({ writes }) => writes),
        readMs: of(({ readMs }) => readMs),
        readBytes: of(({ readBytes }) => readBytes),
        passBytes: of(({ bytes, readBytes }) => bytes + readBytes),
        ratio: of(({ ms, bareMs }) => ms / bareMs),
      }
    }),
  )
}

export function edgeRows(kind: ProgramKind, measured: readonly Measured[]): readonly Row[] {
  return [...summarize(measured).flatMap((one) => changeRows(kind, one)), ...measured.flatMap(sizeRows)]
}

function changeRows({ title, targets, mostRatio }: ProgramKind, summary: Summary): readonly Row[] {
  const { frontends, step, ms, bareMs, ratio, writes, passBytes } = summary
  const what = `${frontends} frontends, ${STEPS[step]}`
  const chain = `${what}: driver, edge, ${title}`
  const ratioText = `${what}: edge ÷ by hand`
  const isHeld = mostRatio !== undefined && frontends >= RATIO_FROM
  return [
    figure(`${what}: ${title} by hand`, bareMs, 'ms'),
    ...(step === 'service' || targets === 'reload'
      ? [figure(chain, ms, 'ms'), isHeld ? atMost(ratioText, ratio, '', mostRatio) : figure(ratioText, ratio, '')]
      : [atMost(chain, ms, 'ms', MOST_MS)]),
    atMost(`${what}: requests that write`, writes, '', 1),
    atMost(`${what}: the pass on the wire`, passBytes / 1_000, 'kB', MOST_BYTES / 1_000),
  ]
}

function sizeRows({ frontends, idle, memory }: Measured): readonly Row[] {
  const what = `${frontends} frontends`
  return [
    figure(`${what}, a look at what is the same`, idle.readMs, 'ms'),
    figure(`${what}, a look at what is the same: on the wire`, idle.readBytes / 1_000, 'kB'),
    figure(`${what}: resident memory of the edge`, memory.resident / 1e6, 'MB'),
    figure(`${what}: the most that it was`, memory.peak / 1e6, 'MB'),
  ]
}
