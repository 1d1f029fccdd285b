/**
 * Gives hostile cases to one proxy program and compares what it has loaded with what was meant: `parsed-back-main.ts haproxy 500`. Runs in a network of
 * its own where any address can be bound; parsed-back.test.ts starts it there.
 */
import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import { listeningSockets } from '../contract/sockets.ts'
import { hostileCluster, rawPart } from './hostile.ts'
import { type HostileCase, linesOf, meantBy, stateOf } from './meant.ts'
import { startProgram } from './programs.ts'

/** A program starts once for so many cases. */
const AT_ONCE = 500
const SEED = 11
const anyCase: fc.Arbitrary<HostileCase> = fc.oneof(
  hostileCluster.map((cluster) => ({ cluster })),
  rawPart.map((raw) => ({ raw })),
)

/** Resolves with how many frontends the program was given, and how many of them were refused. */
async function tryBatch(program: string, cases: readonly HostileCase[]): Promise<readonly [number, number]> {
  const state = stateOf(cases)
  const { unit, engine: create, read } = await startProgram(program)
  try {
    const engine = await create()
    const { refused } = await engine.apply(state, AbortSignal.timeout(120_000))
    // What a program does not take after it was rendered is an escape that somebody else has caught.
    const caught = refused.filter(({ problem }) => ['ProxyRejected', 'WriteNotConfirmed'].includes(problem.code))
    assert.deepEqual(caught, [])
    const meant = meantBy(state, new Set(refused.map(({ id }) => id)))
    assert.deepEqual(linesOf(await read()), linesOf(meant))
    const sockets = new Set(meant.map(({ socket }) => socket))
    assert.deepEqual(new Set(await listeningSockets(...(await unit.pids()))), sockets)
    await engine.close()
    return [state.frontends.length, refused.length]
  } finally {
    await unit.close()
  }
}

const [name = '', count = '0'] = process.argv.slice(2)
const totals = { cases: 0, frontends: 0, refused: 0 }
for (let batch = 0; totals.cases < Number(count); batch++) {
  const numRuns = Math.min(AT_ONCE, Number(count) - totals.cases)
  const [frontends, refused] = await tryBatch(name, fc.sample(anyCase, { numRuns, seed: SEED + batch }))
  totals.cases += numRuns
  totals.frontends += frontends
  totals.refused += refused
}
process.stdout.write(JSON.stringify(totals))
