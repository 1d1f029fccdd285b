import assert from 'node:assert/strict'
import { test } from 'node:test'
import { frontendKey } from '../../src/model/table.ts'
import { startTcpBackend } from './backends.ts'
import { whoServes } from './clients.ts'
import { startDataplane } from './dataplane-harness.ts'
import { NO_DATAPLANE } from './skips.ts'
import { driverContract } from './suite.ts'
import { nothingLeaks } from './suite-failures.ts'
import { failsWith, frontend, pass, tableOf } from './tables.ts'
import { inWorld } from './world.ts'

/** HAProxy's Data Plane API v3, which no package has. */
const program = process.env['FAIRWAY_DATAPLANEAPI']
const name = 'dataplane'

if (process.platform !== 'linux')
  test(`driver contract: ${name}`, { skip: 'needs Linux: sockets are counted in /proc, targets live on 127.0.0.0/8' })
else if (program === undefined)
  test(`driver contract: ${name}`, {
    skip: NO_DATAPLANE,
  })
else {
  const start = () => startDataplane(program)
  driverContract({ name, start })

  test('a reload that fails is told, and the socket that was in its way left out from then on', () =>
    inWorld({ name, start }, async (world) => {
      const { harness, signal, targetPort, groups } = world
      // Nothing warns it: it does not dial.
      const driver = harness.driver({ probe: false })
      const [web, taken] = [
        frontend({ port: await world.port(), targetPort }),
        frontend({ port: await world.port(), targetPort }),
      ]
      await pass(driver, tableOf(groups, web), signal)
      const intruder = await startTcpBackend('intruder', taken)
      try {
        const table = tableOf(groups, { ...web, group: 'a' }, taken)
        const { problem } = await failsWith('ProxyRejected', () => pass(driver, table, signal))
        assert.match(problem.message, /cannot bind socket/)
        assert.equal(problem.kind, 'transient')
        assert.deepEqual(await whoServes(web), ['a', 'b'])
        const { refused, wrote } = await pass(driver, table, signal)
        assert.equal(wrote, true)
        assert.deepEqual(
          refused.map((one) => `${one.key} ${one.problem.code}`),
          [`${frontendKey(taken)} PortTaken`],
        )
        assert.deepEqual(await whoServes(web), ['a'])
        assert.deepEqual(await pass(driver, table, signal), { refused, wrote: false })
        await nothingLeaks(world)
      } finally {
        await intruder.close()
      }
    }))
}
