import type { Files } from '../../../src/edge/files.ts'

/** The power is gone: nothing that comes later happens. */
export class PowerLoss extends Error {}

/** A change of the folder that may be lost as long as it is not synced. */
type Pending = { readonly name: string; readonly content: string | undefined }

export interface CrashDisk {
  readonly files: Files
  /** Operations so far. */
  readonly operations: () => number
  /** The operation, counted from 0, in the middle of which the power goes. */
  crashAt: number
  /** The operation that fails, without power loss: ENOSPC. */
  failAt: number
  /** What a restart finds. `luck` says, for each change that was never synced, whether it is there all the same. */
  restart(luck: (index: number) => boolean): CrashDisk
  /** Puts a file there as if by hand. */
  put(name: string, text: string): void
}

const nothing = () => {}

/**
 * A folder in memory that forgets what a disk may forget: the content of a file that is being written, at any byte, and which names the folder has
 * since its last sync, each on its own.
 */
export function createCrashDisk(durable: ReadonlyMap<string, string> = new Map()): CrashDisk {
  let names = new Map(durable)
  let synced = new Map(durable)
  let pending: Pending[] = []
  let count = 0
  let dead = false

  const change = (name: string, content: string | undefined) => {
    if (content === undefined) names.delete(name)
    else names.set(name, content)
    pending.push({ name, content })
  }

  /** Runs an operation; `cut` is what it leaves when the power goes in its middle. */
  const operate = async <T>(work: () => T, cut: () => void): Promise<T> => {
    await Promise.resolve()
    if (dead) throw new PowerLoss('the power is gone')
    const index = count++
    if (index === disk.failAt) {
      cut()
      throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' })
    }
    if (index !== disk.crashAt) return work()
    dead = true
    cut()
    throw new PowerLoss('the power is gone')
  }

  const disk: CrashDisk = {
    crashAt: -1,
    failAt: -1,
    operations: () => count,
    restart: (luck) => {
      const left = new Map(synced)
      for (const [index, { name, content }] of pending.entries()) {
        if (!luck(index)) continue
        if (content === undefined) left.delete(name)
        else left.set(name, content)
      }
      return createCrashDisk(left)
    },
    put: (name, text) => {
      names.set(name, text)
      synced.set(name, text)
    },
    files: {
      names: () => operate(() => [...names.keys()], nothing),
      read: (name) => operate(() => names.get(name), nothing),
      write: (name, text) =>
        operate(
          () => change(name, text),
          () => change(name, text.slice(0, (text.length * ((count * 7) % 11)) / 10)),
        ),
      rename: (from, to) => {
        const move = () => {
          change(to, names.get(from) ?? '')
          change(from, undefined)
        }
        return operate(move, move)
      },
      remove: (name) => {
        const drop = () => change(name, undefined)
        return operate(drop, drop)
      },
      sync: () =>
        operate(() => {
          synced = new Map(names)
          pending = []
          names = new Map(names)
        }, nothing),
    },
  }
  return disk
}
