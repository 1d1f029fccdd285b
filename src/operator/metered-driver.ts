import type { Change, Driver, Plan, Refusal } from '../model/driver.ts'
import { FairwayError } from '../model/problems.ts'
import type { MakeDriver } from './classes.ts'
import type { ChangeKind, DriverCall, ErrorCode, Meter } from './meter.ts'

/** Makes drivers that tell the meter of each call: how long it took, what was written, what failed. A call that its signal ended is no failure. */
export function meterDrivers(makeDriver: MakeDriver, meter: Meter): MakeDriver {
  return (request) => {
    const about = { className: request.owner.className, proxy: request.proxy.name }
    return meterDriver(makeDriver(request), about, meter)
  }
}

interface About {
  readonly className: string
  readonly proxy: string
}

function meterDriver(driver: Driver, about: About, meter: Meter): Driver {
  const recall: Driver['recall'] = driver.recall && ((keys) => driver.recall?.(keys))
  const preview: Driver['preview'] =
    driver.preview && ((plan, signal) => driver.preview?.(plan, signal) ?? Promise.resolve([]))
  const time = async <T>(call: DriverCall, work: () => Promise<T>, signal: AbortSignal): Promise<T> => {
    const started = performance.now()
    try {
      return await work()
    } catch (error) {
      if (!signal.aborted) meter({ kind: 'error', part: 'proxy', code: codeOf(error) })
      throw error
    } finally {
      meter({ kind: 'call', ...about, call, durationMs: performance.now() - started })
    }
  }
  return {
    capabilities: driver.capabilities,
    ...(recall && { recall }),
    ...(preview && { preview }),
    read: (signal) => time('read', () => driver.read(signal), signal),
    apply: async (plan, signal) => {
      const applied = await time('apply', () => driver.apply(plan, signal), signal)
      if (applied.wrote) meter({ kind: 'changes', ...about, counts: countChanges(plan, applied.refused) })
      return applied
    },
    close: () => driver.close(),
  }
}

/** The code that stands for anything that was thrown. */
export function codeOf(error: unknown): ErrorCode {
  return error instanceof FairwayError ? error.problem.code : 'Unexpected'
}

function countChanges({ changes, strays }: Plan, refused: readonly Refusal[]): Readonly<Record<ChangeKind, number>> {
  const left = new Set(refused.map(({ key }) => key))
  const done = changes.filter(({ key }) => !left.has(key))
  const count = (kind: Change['kind']) => done.filter((one) => one.kind === kind).length
  return { add: count('add'), update: count('update'), remove: count('remove'), stray: strays.length }
}
