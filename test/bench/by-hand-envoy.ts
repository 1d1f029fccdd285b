/** Envoy by hand: both of its files, and a move in the folder that it watches for each. */
import { mkdir, readFile, rename, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readVersions } from '../../src/edge/engines/envoy/progress.ts'
import { type EnvoyUnit, makeEnvoy } from '../edge-lab/envoy.ts'
import { type ByHand, elsewhere, type Program, timeUntil } from './by-hand.ts'

const FILES = { clusters: 'cds.json', listeners: 'lds.json' } as const
const KINDS = ['clusters', 'listeners'] as const
const ANSWERS_WITHIN_MS = 60_000

export async function makeEnvoys(): Promise<Program> {
  const [ours, bare] = [await makeEnvoy(), await makeEnvoy()]
  let count = 0
  const put = async () => {
    const name = `by-hand-${count++}`
    await mkdir(join(bare.configDir, name))
    for (const kind of KINDS) {
      const text = await readFile(join(ours.configDir, 'current', FILES[kind]), 'utf8')
      await writeFile(join(bare.configDir, name, FILES[kind]), elsewhere(text))
    }
    return name
  }
  const show = async (name: string) => {
    await symlink(name, join(bare.configDir, 'next'))
    await rename(join(bare.configDir, 'next'), join(bare.configDir, 'current'))
  }
  const load = async () => {
    const [wanted, name] = [await versionsOf(ours), await put()]
    const startedAt = performance.now()
    await show(name)
    let ms = 0
    for (const kind of KINDS) {
      await writeFile(join(bare.configDir, 'moved'), '')
      await rename(join(bare.configDir, 'moved'), join(bare.configDir, `watch-${kind}`, 'moved'))
      ms = await timeUntil(startedAt, async () => (await versionsOf(bare))[kind] === wanted[kind])
    }
    return ms
  }
  const byHand: ByHand = {
    start: async () => {
      await bare.prepare()
      await show(await put())
      await bare.start()
    },
    load,
    retarget: load,
    close: bare.close,
  }
  return { ours, byHand }
}

function versionsOf({ admin }: EnvoyUnit) {
  return readVersions(admin, AbortSignal.timeout(ANSWERS_WITHIN_MS))
}
