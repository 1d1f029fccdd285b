/** The same work for all who ask at about the same time: they share its result, for so long after it began. A failure is not kept. */
export function remember<T>(work: () => Promise<T>, forMs: number): () => Promise<T> {
  let last: { readonly result: Promise<T>; readonly at: number } | undefined
  return () => {
    const at = performance.now()
    if (last !== undefined && at - last.at < forMs) return last.result
    const mine = { result: work(), at }
    last = mine
    mine.result.catch(() => {
      if (last === mine) last = undefined
    })
    return mine.result
  }
}
