import { randomUUID } from 'node:crypto'
import { mkdir, open, readdir, readlink, rename, rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { isMissing, openFolder } from '../../files.ts'
import { nameFailure } from '../common/durable-file.ts'
import type { Drawing } from './drawing.ts'
import { parseResources } from './resources.ts'

/** What Envoy loads by itself: its discovery of clusters (CDS) and of listeners (LDS). */
export type Kind = 'clusters' | 'listeners'
export type State = Pick<Drawing, Kind>

/**
 * The folder that Envoy loads its state from. `current` is a link to a folder with both files, so one rename brings both or neither, whatever
 * fails. Envoy looks into them when it starts, and when something is moved into the folder that it watches for one of them.
 */
export interface StateFolder {
  /** Undefined: there is none. */
  read(): Promise<State | undefined>
  /** Puts a state in place. A running Envoy goes on with what it has. */
  put(state: State): Promise<void>
  /** Has a running Envoy look. */
  nudge(kind: Kind): Promise<void>
  /** Removes the states before. */
  tidy(): Promise<void>
}

export const FILES: Readonly<Record<Kind, string>> = { clusters: 'cds.json', listeners: 'lds.json' }
const KINDS = ['clusters', 'listeners'] as const
const [CURRENT, NEXT, STATE] = ['current', '.current.new', 'state-']
/** Envoy may run as another user than the edge. */
const MODE = { folder: 0o755, file: 0o644 }

/** Opens it, and makes what Envoy watches. What fails is thrown as a FairwayError that names the folder. */
export async function openStateFolder(path: string): Promise<StateFolder> {
  const named = <Result>(work: () => Promise<Result>) => nameFailure(path, work)
  await named(() => makeWatched(path))
  return {
    read: () => named(() => readState(join(path, CURRENT))),
    put: (state) => named(() => putState(path, state)),
    nudge: (kind) =>
      named(async () => {
        const folder = join(path, `watch-${kind}`)
        await (await open(join(folder, '.nudge'), 'w', MODE.file)).close()
        await rename(join(folder, '.nudge'), join(folder, 'nudge'))
      }),
    tidy: () =>
      named(async () => {
        const kept = await readlink(join(path, CURRENT))
        const old = (await readdir(path)).filter((name) => name.startsWith(STATE) && name !== kept)
        await Promise.all(old.map((name) => rm(join(path, name), { recursive: true, force: true })))
      }),
  }
}

async function makeWatched(path: string): Promise<void> {
  for (const kind of KINDS) await mkdir(join(path, `watch-${kind}`), { recursive: true, mode: MODE.folder })
}

async function readState(path: string): Promise<State | undefined> {
  // A link that leads nowhere is none.
  if (!(await exists(path))) return undefined
  const folder = await openFolder(path, MODE.file)
  const read = async (kind: Kind) => parseResources((await folder.read(FILES[kind])) ?? '')
  return { clusters: await read('clusters'), listeners: await read('listeners') }
}

async function exists(path: string): Promise<boolean> {
  return readdir(path).then(
    () => true,
    (error: unknown) => {
      if (isMissing(error)) return false
      throw error
    },
  )
}

async function putState(path: string, state: State): Promise<void> {
  const name = `${STATE}${randomUUID()}`
  // Somebody may have removed all of it: an Envoy that is started again needs what it watches.
  await makeWatched(path)
  try {
    await mkdir(join(path, name), { mode: MODE.folder })
    const folder = await openFolder(join(path, name), MODE.file)
    for (const kind of KINDS) await folder.write(FILES[kind], state[kind].text)
    await folder.sync()
  } catch (error) {
    // On a full disk, what is half written would be in the way of the next one.
    await rm(join(path, name), { recursive: true, force: true }).catch(() => {})
    throw error
  }
  const parent = await openFolder(path)
  await parent.remove(NEXT)
  await symlink(name, join(path, NEXT))
  await parent.rename(NEXT, CURRENT)
  await parent.sync()
}
