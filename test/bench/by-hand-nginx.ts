/** nginx by hand: a test of the configuration, a signal, and a look whether the new workers are there and the old ones take no more. */
import { readFile, writeFile } from 'node:fs/promises'
import { makeNginx, NGINX } from '../edge-lab/nginx.ts'
import { type ByHand, elsewhere, type Program, run, timeUntil } from './by-hand.ts'

export async function makeNginxes(): Promise<Program> {
  const [ours, bare] = [await makeNginx(), await makeNginx()]
  const write = async () => {
    const text = elsewhere(await readFile(ours.configFile, 'utf8'))
    await writeFile(bare.configFile, text.replaceAll(ours.socketDir, bare.socketDir))
  }
  const load = async () => {
    await write()
    const before = (await bare.workers()).active
    const { master } = await bare.running()
    const startedAt = performance.now()
    await run(NGINX, ['-t', '-e', 'stderr', '-c', bare.mainFile])
    process.kill(master, 'SIGHUP')
    return timeUntil(startedAt, async () => {
      const { active } = await bare.workers()
      return active.length > 0 && !active.some((pid) => before.includes(pid))
    })
  }
  const byHand: ByHand = {
    start: async () => {
      await bare.prepare()
      await write()
      await bare.start()
    },
    load,
    retarget: load,
    close: bare.close,
  }
  return { ours, byHand }
}
