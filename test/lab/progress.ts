/** What a person sees while they wait. */
export type Progress = (line: string) => void

/** Lines on standard error, so that standard output stays for results. */
export const toStderr: Progress = (line) => {
  process.stderr.write(`${line}\n`)
}

export const silent: Progress = () => {}

/** Times a step: says when it begins, a sign of life every ten seconds, and how long it took. */
export async function step<T>(
  progress: Progress,
  title: string,
  work: (note: (detail: string) => void) => Promise<T>,
): Promise<T> {
  const startedAt = performance.now()
  const elapsed = () => `${((performance.now() - startedAt) / 1000).toFixed(1)} s`
  let detail = ''
  progress(`${title} …`)
  const timer = setInterval(() => progress(`${title} … ${elapsed()}${detail}`), 10_000)
  try {
    const result = await work((text) => {
      detail = `, ${text}`
    })
    progress(`${title}: ${elapsed()}`)
    return result
  } finally {
    clearInterval(timer)
  }
}
