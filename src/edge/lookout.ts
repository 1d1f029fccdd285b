import type { Machine } from './obstacles.ts'
import type { Socket } from './sockets.ts'

/** Finds out when sockets that something else has become free. */
export interface Lookout {
  /** What to look at from now on. */
  watch(sockets: readonly Socket[]): void
  /** Whether one of them is free. Looks at some of them each time, and at none during work. */
  hasFreed(): Promise<boolean>
  /** Does work that may bind them: a test at the same instant would make that fail. */
  during<T>(work: () => Promise<T>): Promise<T>
}

/** So many sockets are looked at in one go: thousands may be on an address that the machine has lost. */
const LOOK_AT = 32

export function createLookout({ testBind }: Pick<Machine, 'testBind'>): Lookout {
  /** Those that have waited longest since the last look come first. */
  let waiting: readonly Socket[] = []
  let working = false
  let look: Promise<readonly (string | undefined)[]> = Promise.resolve([])
  return {
    watch: (sockets) => {
      waiting = sockets
    },
    hasFreed: async () => {
      if (working) return false
      const some = waiting.slice(0, LOOK_AT)
      waiting = [...waiting.slice(LOOK_AT), ...some]
      look = Promise.all(some.map(testBind))
      return (await look).includes(undefined)
    },
    during: async (work) => {
      working = true
      try {
        await look
        return await work()
      } finally {
        working = false
      }
    },
  }
}
