/** Caddy by hand: its whole configuration, posted to its admin API. */
import { makeCaddy } from '../edge-lab/caddy.ts'
import { type ByHand, elsewhere, type Program } from './by-hand.ts'

export async function makeCaddies(): Promise<Program> {
  const [ours, bare] = [await makeCaddy(), await makeCaddy()]
  const load = async () => {
    const config: unknown = JSON.parse(elsewhere(await ours.adminText('GET', '/config/apps')))
    const startedAt = performance.now()
    await bare.admin('POST', '/config/apps', config)
    return performance.now() - startedAt
  }
  const byHand: ByHand = {
    start: async () => {
      await bare.start()
      await load()
    },
    load,
    retarget: load,
    close: bare.close,
  }
  return { ours, byHand }
}
