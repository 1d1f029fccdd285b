/** The API server's own rate: bare patches of statuses, as fast as it answers them. */
import { readFileSync } from 'node:fs'
import { Pool } from 'undici'
import type { ApiAccess } from '../lab/api-client.ts'
import { inLanes } from './reaction-cluster.ts'

const CONDITION = 'bench.example/Bare'

/** One Service as it is listed. */
export interface Named {
  readonly namespace: string
  readonly name: string
  readonly uid: string
}

/**
 * Patches the status of each Service twice, with so many requests in flight, in the way the operator does: strategic merge, a condition first and a
 * condition with the address after it. `round`: makes the texts new, since a patch that changes nothing is not written.
 */
export async function patchBare(
  { server, caFile, token }: ApiAccess,
  services: readonly Named[],
  inFlight: number,
  round: number,
  signal: AbortSignal,
): Promise<void> {
  const pool = new Pool(server, { allowH2: false, connections: inFlight, connect: { ca: readFileSync(caFile) } })
  const headers = {
    authorization: `Bearer ${token}`,
    accept: 'application/json',
    'content-type': 'application/strategic-merge-patch+json',
    'user-agent': 'bare',
  }
  const patch = async ({ namespace, name, uid }: Named, number: number, more: object) => {
    const time = new Date().toISOString().replace(/\.\d+/, '')
    const message = `Written ${number} times in round ${round}, by nobody but the benchmark`
    const condition = { type: CONDITION, status: 'True', reason: 'Bare', message, lastTransitionTime: time }
    const { statusCode, body } = await pool.request({
      path: `/api/v1/namespaces/${namespace}/services/${name}/status?fieldManager=bare`,
      method: 'PATCH',
      headers,
      body: JSON.stringify({ metadata: { uid }, status: { conditions: [condition], ...more } }),
      signal,
    })
    const text = await body.text()
    if (statusCode !== 200) throw new Error(`a bare patch was answered ${statusCode}: ${text}`)
  }
  try {
    await inLanes(
      services.map((one) => () => patch(one, 1, {})),
      inFlight,
    )
    await inLanes(
      services.map(
        (one, index) => () => patch(one, 2, { loadBalancer: { ingress: [{ ip: addressOf(index, round) }] } }),
      ),
      inFlight,
    )
  } finally {
    await pool.close()
  }
}

function addressOf(index: number, round: number): string {
  return `192.0.${round % 256}.${index % 256}`
}
