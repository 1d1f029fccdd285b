import type { Meter } from './meter.ts'

/** Does a pass, and tells the meter how it ended and how long it took. Of one that its signal cut nothing is told. */
export async function meterPass<T extends { readonly unfinished: boolean }>(
  className: string,
  pass: () => Promise<T>,
  meter: Meter | undefined,
  signal: AbortSignal,
): Promise<T> {
  const started = performance.now()
  const tell = (end: 'finished' | 'unfinished' | 'failed') =>
    meter?.({ kind: 'pass', className, end, durationMs: performance.now() - started })
  try {
    const result = await pass()
    tell(result.unfinished ? 'unfinished' : 'finished')
    return result
  } catch (error) {
    if (!signal.aborted) tell('failed')
    throw error
  }
}
