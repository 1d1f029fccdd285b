/** Whether what was seen over a long time has grown. */
import { atMost, figure, median, type Row } from '../bench/table.ts'

/** Of one moment. */
export interface Sample {
  readonly operatorBytes: number
  /** Open descriptors. */
  readonly operatorFiles: number
  readonly edgeBytes: number
  readonly edgeFiles: number
  /** Processes of HAProxy: old ones end when their last connection does. */
  readonly haproxies: number
  /** Of the largest of them. */
  readonly haproxyBytes: number
  /** From the creation of a Service until its status tells that it is served. */
  readonly lateMs: number
}

/** The garbage collector's moods, with which two halves of a flat time differ. */
const MEMORY_NOISE = 1.08
const FILES_NOISE = 4
const LATE_NOISE = 1.5
const LATE_AT_MOST_MS = 10_000

/** Compares the last third with the first; what goes up and down in between is not growth. */
export function judge(samples: readonly Sample[]): readonly Row[] {
  const third = Math.floor(samples.length / 3)
  if (third === 0) throw new Error('there is nothing to judge')
  const grown = (of: (one: Sample) => number) => {
    const [before, after] = [samples.slice(0, third), samples.slice(-third)].map((some) => median(some.map(of)))
    return { before: before ?? 0, after: after ?? 0 }
  }
  const memory = (what: string, of: (one: Sample) => number): readonly Row[] => {
    const { before, after } = grown(of)
    return [
      figure(`memory of ${what}, last third`, after / 1e6, 'MB'),
      atMost(`memory of ${what}, last third ÷ first`, after / before, '', MEMORY_NOISE),
    ]
  }
  const files = (what: string, of: (one: Sample) => number): Row => {
    const { before, after } = grown(of)
    return atMost(`open descriptors of ${what}, last third − first`, after - before, '', FILES_NOISE)
  }
  const late = grown(({ lateMs }) => lateMs)
  return [
    ...memory('the operator', ({ operatorBytes }) => operatorBytes),
    ...memory('the edge', ({ edgeBytes }) => edgeBytes),
    ...memory('HAProxy', ({ haproxyBytes }) => haproxyBytes),
    files('the operator', ({ operatorFiles }) => operatorFiles),
    files('the edge', ({ edgeFiles }) => edgeFiles),
    atMost(
      'processes of HAProxy, last third − first',
      grown(({ haproxies }) => haproxies).after - grown(({ haproxies }) => haproxies).before,
      '',
      1,
    ),
    atMost('from creation to served, last third', late.after, 'ms', LATE_AT_MOST_MS),
    atMost('from creation to served, last third ÷ first', late.after / late.before, '', LATE_NOISE),
  ]
}
