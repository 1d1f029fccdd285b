const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }
/** Node's timers hold no more. */
const LONGEST_MS = 24 * 24 * 3_600_000

/** Reads `250ms`, `30s`, `5m` or `1h` as milliseconds; undefined for anything else, for zero, and for more than 24 days. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d{1,9})(ms|s|m|h)$/.exec(text)
  if (match === null) return undefined
  const value = Number(match[1]) * (UNITS[match[2] ?? ''] ?? 0)
  return value > 0 && value <= LONGEST_MS ? value : undefined
}

/** A time as Caddy, HAProxy, nginx and annotations read it, in seconds where that keeps it whole. */
export function durationText(ms: number): string {
  return ms % 1_000 === 0 ? `${ms / 1_000}s` : `${ms}ms`
}
