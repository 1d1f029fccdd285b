import assert from 'node:assert/strict'
import { test } from 'node:test'
import { frontend } from '../../support/builders.ts'
import { applyTo, codes, createRig, planFor, says, signal, tableOf } from './rig.ts'

test('a preview says what a write would leave out, and writes nothing', async (t) => {
  const rig = await createRig(t)
  rig.fake.apps = { http: { servers: { srv0: { listen: ['203.0.113.10:80'] } } } }
  const table = tableOf(
    frontend({ port: 80 }),
    frontend({ port: 443 }),
    frontend({ port: 8443, balance: 'least-connections' }),
  )
  const one = rig.driver()
  const refused = (await one.preview?.(planFor(await one.read(signal), table), signal)) ?? []
  assert.deepEqual(rig.fake.requests, ['GET /config/apps'])
  const applied = await applyTo(rig.driver(), table)
  assert.deepEqual(codes({ refused, wrote: false }), codes(applied))
  assert.equal(refused.length, 2)
})

test('it dials what would be bound for the first time', async (t) => {
  const rig = await createRig(t)
  const one = rig.driver({}, says('open'))
  const refused = (await one.preview?.(planFor(await one.read(signal), tableOf(frontend())), signal)) ?? []
  assert.deepEqual(codes({ refused, wrote: false }), ['tcp/203.0.113.10:443 PortTaken'])
})
