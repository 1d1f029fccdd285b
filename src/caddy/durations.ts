/** Reads what `durationText` of the model writes; NaN for anything else. */
export function readDuration(text: string): number {
  const match = /^(\d{1,12})(ms|s)$/.exec(text)
  return match === null ? Number.NaN : Number(match[1]) * (match[2] === 's' ? 1000 : 1)
}

/** Whether a duration can be written so that Caddy reads the same. */
export function isDuration(ms: number): boolean {
  return Number.isInteger(ms) && ms > 0
}
