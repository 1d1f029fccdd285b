import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Dial, Verdict } from '../../../src/drivers/common/probe.ts'
import { serverKey } from '../../../src/model/server-names.ts'
import { frontend } from '../../support/builders.ts'
import { type FakeAdmin, reject } from './fake-admin.ts'
import { applyTo, codes, createRig, failsWith, says, tableOf } from './rig.ts'
import { OWNER } from './tables.ts'

const web = frontend()
const key = serverKey(OWNER, web)
const other = frontend({ port: 80 })
const GONE = '203.0.113.99'
const noAddress = [`tcp4/${GONE}:80`, `tcp4 ${GONE}:80: bind: cannot assign requested address`] as const

test('a refused change keeps its socket too, against others that would be bound to it', async (t) => {
  const rig = await createRig(t)
  const natted = frontend({ address: '198.51.100.1' })
  const one = rig.driver({ listen: { [web.address]: '*', [natted.address]: '*' } })
  await applyTo(one, tableOf(web))
  const before = rig.servers()
  const applied = await applyTo(one, tableOf(frontend({ balance: 'least-connections' }), natted))
  assert.deepEqual(codes(applied).toSorted(), ['tcp/198.51.100.1:443 PortTaken', 'tcp/203.0.113.10:443 Unsupported'])
  assert.deepEqual(rig.servers(), before)
})

/** Makes the fake reject every write that has one of these sockets, as Caddy does at Start. */
function failing(fake: FakeAdmin, ...binds: readonly (readonly [listen: string, error: string])[]): { count: number } {
  const writes = { count: 0 }
  fake.intercept = async (request, response, serve) => {
    if (request.method === 'GET') return serve()
    writes.count++
    const chunks: Buffer[] = await request.toArray()
    const body = Buffer.concat(chunks).toString()
    const hit = binds.find(([listen]) => body.includes(`"${listen}"`))
    if (hit !== undefined)
      return reject(response, 500, `loading new config: layer4 app module: start: listen ${hit[1]}`)
    const parsed: unknown = JSON.parse(body)
    fake.apps = { layer4: { servers: parsed } }
    return response.end()
  }
  return writes
}

test('obstacles are found before anything is written, one by one', async (t) => {
  const rig = await createRig(t)
  rig.fake.apps = { http: { servers: { srv0: { listen: [':80'] } } } }
  const off = frontend({ address: '203.0.113.99' })
  const one = rig.driver({ declares: (address) => address === web.address })
  const applied = await applyTo(one, tableOf(web, other, off))
  assert.deepEqual(codes(applied).toSorted(), [
    'tcp/203.0.113.10:80 PortTaken',
    'tcp/203.0.113.99:443 AddressNotOnProxy',
  ])
  assert.deepEqual(Object.keys(rig.servers()), [key])
  assert.match(applied.refused[0]?.problem.message ?? '', /apps\.http\.servers\.srv0 listens on \*:80/)
  assert.deepEqual(await applyTo(one, tableOf(web, other, off)), { ...applied, wrote: false })
})

test('a dial decides about what is bound for the first time; for UDP only whether a host is there', async (t) => {
  const rig = await createRig(t)
  const dialled: number[] = []
  const verdicts = new Map<number, Verdict>([
    [80, 'open'],
    [81, 'unreachable'],
    [82, 'unknown'],
    [83, 'refused'],
    [84, 'open'],
    [85, 'unreachable'],
  ])
  const dial: Dial = async (targets) =>
    targets.map(({ port }) => {
      dialled.push(port)
      return verdicts.get(port) ?? 'refused'
    })
  const udp = [84, 85].map((port) => frontend({ port, protocol: 'UDP' }))
  const table = tableOf(...[80, 81, 82, 83].map((port) => frontend({ port })), ...udp)
  const one = rig.driver({}, dial)
  assert.deepEqual(codes(await applyTo(one, table)), [
    'tcp/203.0.113.10:80 PortTaken',
    'tcp/203.0.113.10:81 AddressNotOnProxy',
    'udp/203.0.113.10:85 AddressNotOnProxy',
  ])
  assert.deepEqual(dialled, [80, 81, 82, 83, 84, 85])
  await applyTo(one, table)
  assert.deepEqual(dialled.slice(6), [80, 81, 85])
  dialled.splice(0)
  assert.deepEqual((await applyTo(rig.driver({ probe: false }, dial), table)).refused, [])
  assert.deepEqual(dialled, [])
})

test('two frontends of ours cannot have one bound socket; the one that has it keeps it', async (t) => {
  const rig = await createRig(t)
  const natted = frontend({ address: '198.51.100.1' })
  const listen = { [web.address]: '*', [natted.address]: '*' }
  const one = rig.driver({ listen })
  assert.deepEqual(codes(await applyTo(one, tableOf(web))), [])
  assert.deepEqual(codes(await applyTo(one, tableOf(web, natted))), ['tcp/198.51.100.1:443 PortTaken'])
  assert.deepEqual(Object.keys(rig.servers()), [key])
})

test('what is served stays served when its change cannot be rendered', async (t) => {
  const rig = await createRig(t)
  const one = rig.driver()
  await applyTo(one, tableOf(web))
  const before = rig.servers()
  const applied = await applyTo(one, tableOf(frontend({ balance: 'least-connections' })))
  assert.deepEqual(codes(applied), ['tcp/203.0.113.10:443 Unsupported'])
  assert.equal(applied.wrote, false)
  assert.deepEqual(rig.servers(), before)
})

test('an address that cannot be bound costs one failed write, and its frontends alone', async (t) => {
  const rig = await createRig(t)
  const writes = failing(rig.fake, noAddress, [
    `tcp4/${GONE}:443`,
    `tcp4 ${GONE}:443: bind: cannot assign requested address`,
  ])
  const one = rig.driver({}, says('unknown'))
  const table = tableOf(web, frontend({ address: GONE, port: 80 }), frontend({ address: GONE }))
  const expected = [`tcp/${GONE}:443 AddressNotOnProxy`, `tcp/${GONE}:80 AddressNotOnProxy`]
  const first = await applyTo(one, table)
  assert.deepEqual(codes(first).toSorted(), expected)
  assert.equal(writes.count, 2)
  assert.match(first.refused[0]?.problem.message ?? '', /until Caddy is restarted/)
  const second = await applyTo(one, table)
  assert.deepEqual(codes(second).toSorted(), expected)
  assert.equal(writes.count, 2)
  // A frontend that comes later on the same address is not tried either; a change of those that failed is a reason to.
  assert.equal(
    codes(await applyTo(one, tableOf(...table.frontends, frontend({ address: GONE, port: 8080 })))).length,
    3,
  )
  assert.equal(writes.count, 2)
  await applyTo(one, tableOf(web, frontend({ address: GONE, port: 80, balance: 'source' })))
  assert(writes.count > 2)
})

test('a UDP port that is taken is left out after one failure; its neighbours are served', async (t) => {
  const rig = await createRig(t)
  const writes = failing(rig.fake, ['udp4/203.0.113.10:53', 'udp4 203.0.113.10:53: bind: address already in use'])
  const dns = frontend({ port: 53, protocol: 'UDP' })
  const one = rig.driver()
  const applied = await applyTo(one, tableOf(web, dns, frontend({ port: 53 })))
  assert.deepEqual(codes(applied), ['udp/203.0.113.10:53 PortTaken'])
  assert.equal(writes.count, 2)
  assert.equal(Object.keys(rig.servers()).length, 2)
})

test('a frontend that was served and cannot be bound any more goes, so that others can change', async (t) => {
  const rig = await createRig(t)
  const one = rig.driver({}, says('unknown'))
  const lost = frontend({ address: GONE, port: 80 })
  await applyTo(one, tableOf(lost))
  failing(rig.fake, noAddress)
  assert.deepEqual(codes(await applyTo(one, tableOf(lost, web))), [`tcp/${GONE}:80 AddressNotOnProxy`])
  assert.deepEqual(Object.keys(rig.servers()), [key])
})

test('writes after a failure are few', async (t) => {
  const rig = await createRig(t)
  const ports = Array.from({ length: 9 }, (_, index) => 5000 + index)
  const writes = failing(
    rig.fake,
    ...ports.map(
      (port) => [`udp4/203.0.113.10:${port}`, `udp4 203.0.113.10:${port}: bind: address already in use`] as const,
    ),
  )
  const table = tableOf(web, ...ports.map((port) => frontend({ port, protocol: 'UDP' })))
  await failsWith('ProxyRejected', () => applyTo(rig.driver(), table))
  assert.equal(writes.count, 4)
})

test('a dial that changes from silence to refusal is a reason to try again', async (t) => {
  const rig = await createRig(t)
  let verdict: Verdict = 'unknown'
  const one = rig.driver({}, async (targets) => targets.map(() => verdict))
  const writes = failing(rig.fake, noAddress)
  const table = tableOf(web, frontend({ address: GONE, port: 80 }))
  assert.equal(codes(await applyTo(one, table)).length, 1)
  assert.equal(codes(await applyTo(one, table)).length, 1)
  assert.equal(writes.count, 2)
  rig.fake.intercept = undefined
  verdict = 'refused'
  assert.deepEqual(codes(await applyTo(one, table)), [])
})

test('what never was there is as good as any other dial result: no loop', async (t) => {
  const rig = await createRig(t)
  const one = rig.driver({}, says('refused'))
  const writes = failing(rig.fake, noAddress)
  const table = tableOf(web, frontend({ address: GONE, port: 80 }))
  for (let pass = 0; pass < 5; pass++) assert.equal(codes(await applyTo(one, table)).length, 1)
  assert.equal(writes.count, 2)
})
