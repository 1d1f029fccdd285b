/** Time in which this machine let us run. On one that is overloaded a bound must not be over because nobody got to do anything. */
import { setInterval } from 'node:timers'

const TICK_MS = 50
/** A tick that is later than this was not for us: so much is counted of it. */
const COUNTED_MS = 100

let elapsedMs = 0
let last = performance.now()
setInterval(() => {
  const now = performance.now()
  elapsedMs += Math.min(now - last, COUNTED_MS)
  last = now
}, TICK_MS).unref()

/** Milliseconds since some moment, as `performance.now` counts them on a machine that is idle. */
export function fairNow(): number {
  return elapsedMs
}
