/**
 * Whatever those write who may write Services, Nodes and EndpointSlices, or have a cluster's token: each program loads what was meant and nothing else.
 * It is asked for that, and for the sockets that it has. `npm run soak` tries 50,000 cases with each program instead of 500.
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { buildCaddy } from '../lab/build.ts'
import { fetchEnvoy } from '../lab/envoy.ts'
import { toStderr } from '../lab/progress.ts'
import { runs } from '../support/builders.ts'

const MAIN = join(import.meta.dirname, 'parsed-back-main.ts')
const { numRuns: CASES } = runs(500)
/** In a network of its own, any address can be bound. What runs there reaches nobody. */
const ALONE = `ip link set lo up
echo 1 >/proc/sys/net/ipv4/ip_nonlocal_bind
echo 1 >/proc/sys/net/ipv6/ip_nonlocal_bind
exec "$@"`

interface Totals {
  readonly cases: number
  readonly frontends: number
  readonly refused: number
}

async function tryProgram(name: string): Promise<Totals> {
  const argv = ['--net', 'sh', '-ec', ALONE, 'sh', process.execPath, MAIN, name, `${CASES}`]
  const { stdout } = await promisify(execFile)('unshare', argv, { maxBuffer: 64 << 20 })
  return JSON.parse(stdout) as Totals
}

/** What is not there is brought from outside, where there is a network. */
const BRING: Readonly<Record<string, (signal: AbortSignal) => Promise<unknown>>> = {
  caddy: (signal) => buildCaddy(toStderr, signal),
  envoy: (signal) => fetchEnvoy(toStderr, signal),
}

for (const name of ['haproxy', 'nginx', 'envoy', 'caddy']) {
  test(`${name} has loaded of ${CASES} hostile cases what they mean, and nothing else`, async ({ signal }) => {
    await BRING[name]?.(signal)
    const { cases, frontends, refused } = await tryProgram(name)
    assert.equal(cases, CASES)
    // Not one by one refused before the program could see them.
    assert.ok(frontends - refused > CASES / 2 && refused > 0, `${frontends} frontends, ${refused} refused`)
  })
}
