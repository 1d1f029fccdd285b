/**
 * The same work for all who ask at about the same time: they share its result, for so long after it began. A failure is not kept.
 *
 * With `stale`, who asks later than that gets the last result at once, for so long more, and the work is done anew a moment behind: whoever asks may be
 * about to change something, and has the machine for that.
 */
export function remember<T>(work: () => Promise<T>, forMs: number, stale?: Stale): () => Promise<T> {
  let last: Remembered<T> | undefined
  let renewal: NodeJS.Timeout | undefined
  const begin = () => {
    const mine = { result: work(), at: performance.now() }
    last = mine
    mine.result.catch(() => {
      if (last === mine) last = undefined
    })
    return mine.result
  }
  // Until there is a new result the last one is given, and if there is none to be had as well.
  const renew = async () => {
    const [before, at] = [last, performance.now()]
    const value = await work().catch(() => undefined)
    renewal = undefined
    if (value !== undefined && last === before) last = { result: Promise.resolve(value), at }
  }
  return () => {
    const age = last === undefined ? Number.POSITIVE_INFINITY : performance.now() - last.at
    if (last !== undefined && age < forMs) return last.result
    if (last === undefined || stale === undefined || age >= forMs + stale.forMs) return begin()
    renewal ??= setTimeout(() => void renew(), stale.behindMs).unref()
    return last.result
  }
}

/** How long a result is given that is too old, and how long after the first who gets it the work begins. */
export interface Stale {
  readonly forMs: number
  readonly behindMs: number
}

interface Remembered<T> {
  readonly result: Promise<T>
  readonly at: number
}
