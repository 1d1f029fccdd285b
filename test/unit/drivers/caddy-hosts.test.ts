import assert from 'node:assert/strict'
import { test } from 'node:test'
import { renderServer } from '../../../src/caddy/render.ts'
import type { Driver } from '../../../src/model/driver.ts'
import { serverKey } from '../../../src/model/server-names.ts'
import { type Frontend, frontendKey, type Table } from '../../../src/model/table.ts'
import { frontend } from '../../support/builders.ts'
import { reject } from './fake-admin.ts'
import { applyTo, codes, createRig, planFor, type Rig, signal, tableOf } from './rig.ts'
import { OWNER, served } from './tables.ts'

const a = frontend({ hosts: ['a.example'] })
const b = frontend({ hosts: ['*.b.example', 'b.example'], targetPort: 30_444 })
const rest = frontend({ sourceRanges: ['192.0.2.0/24'] })
const impossible = { balance: 'least-connections' } as const
const key = serverKey(OWNER, rest)
const STEPS: readonly (readonly [Frontend, ...Frontend[]])[] = [[rest], [rest, b], [a, b], [a, b, rest], [b], [b, a]]
const context = { owner: OWNER, listen: {} }

interface Server {
  readonly routes: readonly unknown[]
}

/** The one server that the fake has. */
function serverOf(rig: Rig): Server {
  const servers = rig.servers()
  assert.deepEqual(Object.keys(servers), [key])
  return servers[key] as Server
}

function rendered(first: Frontend, ...more: readonly Frontend[]): unknown {
  return JSON.parse(JSON.stringify(renderServer(context, served(first, ...more))))
}

/** Applies a table, except that some frontends stay as they are. */
async function applyKeeping(one: Driver, table: Table, ...keep: readonly Frontend[]) {
  const plan = planFor(await one.read(signal), table)
  return one.apply({ ...plan, keep: new Set(keep.map(frontendKey)) }, signal)
}

test('the frontends of a socket are one server, in which they come and go alone', async (t) => {
  const rig = await createRig(t)
  const one = rig.driver()
  for (const all of STEPS) {
    assert.deepEqual(await applyTo(one, tableOf(...all)), { refused: [], wrote: true })
    assert.deepEqual(serverOf(rig), rendered(...all))
    assert.deepEqual(await applyTo(one, tableOf(...all)), { refused: [], wrote: false })
    const { table, drifted } = await one.read(signal)
    assert.deepEqual(table.frontends.map(frontendKey), all.map(frontendKey).toSorted())
    assert.deepEqual([...drifted], [])
  }
  await applyTo(one, tableOf())
  assert.deepEqual(rig.servers(), {})
})

test('a frontend that is to be kept stays while its neighbours change, come and go', async (t) => {
  const rig = await createRig(t)
  const one = rig.driver()
  await applyTo(one, tableOf(a, rest))
  await applyKeeping(one, tableOf(frontend({ ...a, proxyProtocol: 'v2' }), b), rest)
  assert.deepEqual(serverOf(rig), rendered(frontend({ ...a, proxyProtocol: 'v2' }), b, rest))
  // Without hosts beside it, source ranges stand where they always stood.
  await applyKeeping(one, tableOf(), rest)
  assert.deepEqual(serverOf(rig), rendered(rest))
  await applyKeeping(one, tableOf(a), rest)
  assert.deepEqual(serverOf(rig), rendered(a, rest))
  await applyKeeping(one, tableOf(), a, rest)
  assert.deepEqual(serverOf(rig), rendered(a, rest))
})

test('what is kept as somebody has edited it stays so, whatever its neighbours do', async (t) => {
  const rig = await createRig(t)
  const one = rig.driver()
  await applyTo(one, tableOf(a, b, rest))
  const [first, , last] = serverOf(rig).routes
  const edited = { match: [{ tls: { sni: [...b.hosts] } }], handle: [{ handler: 'echo' }] }
  const servers = { [key]: { ...serverOf(rig), routes: [first, edited, last] } }
  rig.fake.apps = { layer4: { servers } }
  assert.deepEqual([...(await one.read(signal)).drifted], [frontendKey(b)])
  const changed = frontend({ ...a, targetPort: 30_999 })
  await applyKeeping(one, tableOf(changed), b)
  assert.deepEqual(serverOf(rig).routes, [serverRoute(changed), edited])
  await applyKeeping(one, tableOf(), b)
  assert.deepEqual(serverOf(rig).routes, [edited])
  assert.equal((await applyKeeping(one, tableOf(), b)).wrote, false)
  await applyTo(one, tableOf(a, b))
  assert.deepEqual(serverOf(rig), rendered(a, b))
})

function serverRoute(one: Frontend): unknown {
  return (rendered(one) as Server).routes[0]
}

test('a frontend whose change is refused serves on, and its neighbours change', async (t) => {
  const rig = await createRig(t)
  const one = rig.driver()
  await applyTo(one, tableOf(a, b))
  const moved = frontend({ ...b, targetPort: 31_000 })
  const applied = await applyTo(one, tableOf(frontend({ ...a, ...impossible }), moved, rest))
  assert.deepEqual(codes(applied), ['tcp/203.0.113.10:443#a.example Unsupported'])
  assert.deepEqual(serverOf(rig), rendered(a, moved, rest))
  const fresh = frontend({ hosts: ['c.example'], ...impossible })
  assert.equal((await applyTo(one, tableOf(a, moved, rest, fresh))).wrote, false)
})

test('an obstacle is one to all frontends of a socket, and a dial is made once', async (t) => {
  const rig = await createRig(t)
  const dialled: string[] = []
  const one = rig.driver({}, async (targets) =>
    targets.map(({ address, port }) => {
      dialled.push(`${address}:${port}`)
      return 'open'
    }),
  )
  const applied = await applyTo(one, tableOf(a, b, rest))
  assert.deepEqual(codes(applied).toSorted(), [
    'tcp/203.0.113.10:443 PortTaken',
    'tcp/203.0.113.10:443#*.b.example,b.example PortTaken',
    'tcp/203.0.113.10:443#a.example PortTaken',
  ])
  assert.deepEqual(dialled, ['203.0.113.10:443'])
  // What is bound already gets its further hosts without one.
  await applyTo(rig.driver(), tableOf(rest))
  dialled.splice(0)
  assert.deepEqual(codes(await applyTo(one, tableOf(a, rest))), [])
  assert.deepEqual(dialled, [])
})

test('a socket that cannot be bound any more goes with all its frontends, the kept ones too', async (t) => {
  const rig = await createRig(t)
  const one = rig.driver({}, async (targets) => targets.map(() => 'unknown'))
  await applyTo(one, tableOf(a, b))
  rig.fake.intercept = async (request, response, serve) => {
    if (request.method === 'GET') return serve()
    const chunks: Buffer[] = await request.toArray()
    const body = Buffer.concat(chunks).toString()
    if (body.includes('"tcp4/203.0.113.10:443"'))
      return reject(response, 500, 'start: listen tcp4 203.0.113.10:443: bind: cannot assign requested address')
    rig.fake.apps = { layer4: { servers: JSON.parse(body) } }
    return response.end()
  }
  const other = frontend({ address: '203.0.113.11' })
  const applied = await applyKeeping(one, tableOf(a, rest, other), b)
  assert.deepEqual(codes(applied).toSorted(), [
    'tcp/203.0.113.10:443 AddressNotOnProxy',
    'tcp/203.0.113.10:443#a.example AddressNotOnProxy',
  ])
  assert.deepEqual(Object.keys(rig.servers()), [serverKey(OWNER, other)])
})

test('what is kept holds its bound socket against another published address', async (t) => {
  const rig = await createRig(t)
  const natted = frontend({ address: '198.51.100.1', hosts: ['c.example'] })
  const one = rig.driver({ listen: { [a.address]: '*', [natted.address]: '*' } })
  await applyTo(one, tableOf(a))
  const before = rig.servers()
  const applied = await applyKeeping(one, tableOf(natted), a)
  assert.deepEqual(codes(applied), ['tcp/198.51.100.1:443#c.example PortTaken'])
  assert.deepEqual(rig.servers(), before)
})
