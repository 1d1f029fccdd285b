import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { type RenderContext, renderServer } from '../../../src/caddy/render.ts'
import { type Entry, parseServer } from '../../../src/drivers/caddy/parse.ts'
import { tableOf } from '../../../src/drivers/common/table-of.ts'
import { serverKey } from '../../../src/model/server-names.ts'
import { frontendKey, socketKey, type Table } from '../../../src/model/table.ts'
import { frontend } from '../../support/builders.ts'
import { anyTable, contentOf, OWNER, served } from './tables.ts'

const context: RenderContext = { owner: OWNER, listen: {} }
const web = frontend()

interface Rendered {
  readonly name: Parameters<typeof parseServer>[2]
  readonly json: unknown
}

function renderTable(table: Table, where: RenderContext = context): readonly Rendered[] {
  const groups = new Map(table.groups.map((group) => [group.id, group.targets]))
  const all = table.frontends.map((one) => ({ frontend: one, targets: groups.get(one.group) ?? [] }))
  return [...Map.groupBy(all, (one) => socketKey(one.frontend)).values()].flatMap(([first, ...more]) => {
    if (first === undefined) return []
    const { address, port, protocol } = first.frontend
    const name = { cluster: OWNER.cluster, className: OWNER.className, address, port, protocol }
    // Through JSON, as on the way to Caddy and back.
    const json: unknown = JSON.parse(JSON.stringify(renderServer(where, [first, ...more])))
    return [{ name, json }]
  })
}

function parse({ name, json }: Rendered, where: RenderContext = context): readonly Entry[] {
  return parseServer(where, serverKey(OWNER, name), name, json)
}

/** The table that was read back; `null` where anything is edited. */
function readTable(servers: readonly Rendered[], where: RenderContext = context): Table | null {
  const entries = servers.flatMap((one) => parse(one, where))
  const all = entries.flatMap((entry) => entry.served ?? [])
  return all.length === entries.length ? tableOf(all) : null
}

test('reading back gives the table that was written', () => {
  const listens = fc.constantFrom<RenderContext['listen']>(
    {},
    { '203.0.113.10': '*' },
    { '203.0.113.10': '10.1.0.100' },
  )
  fc.assert(
    fc.property(anyTable, listens, (table, listen) => {
      const where = { owner: OWNER, listen }
      const back = readTable(renderTable(table, where), where)
      assert(back !== null)
      assert.deepEqual(contentOf(back), contentOf(table))
    }),
    { numRuns: 300 },
  )
})

test('any change to a server is seen', () => {
  fc.assert(
    fc.property(anyTable, fc.nat(), fc.constantFrom('x', '{env.HOME}', 1, null, true), (table, seed, value) => {
      for (const { name, json } of renderTable(table)) {
        const edited = editSomewhere(json, seed, value)
        if (JSON.stringify(edited) === JSON.stringify(json)) continue
        const [before, after] = [readTable([{ name, json }]), readTable([{ name, json: edited }])]
        // A name in place of another is a well-formed server, for other hosts.
        assert.notDeepEqual(after && contentOf(after), before && contentOf(before))
      }
    }),
    { numRuns: 300 },
  )
})

/** Replaces one leaf of a JSON value, or adds a field to one object: whichever the seed falls on. */
function editSomewhere(json: unknown, seed: number, value: unknown): unknown {
  const places: (() => void)[] = []
  const copy = structuredClone(json)
  const visit = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return
    const record: Record<string, unknown> = node as Record<string, unknown>
    places.push(() => {
      if (Array.isArray(node)) node.push(value)
      else record['extra'] = value
    })
    for (const key of Object.keys(record)) {
      places.push(() => {
        record[key] = value
      })
      visit(record[key])
    }
  }
  visit(copy)
  places[seed % places.length]?.()
  return copy
}

function shared(): Rendered & { readonly json: { readonly routes: unknown[] } } {
  const { cluster, className } = OWNER
  const all = [['a.example'], ['b.example'], ['*.c.example'], []].map((hosts) => frontend({ hosts }))
  const json = renderServer(context, served(...all))
  return { name: { cluster, className, ...web }, json: { ...json, routes: [...json.routes] } }
}

function keysOf(entries: readonly Entry[], which: 'served' | 'edited'): readonly string[] {
  return entries.flatMap((entry) => ((entry.served === undefined) === (which === 'edited') ? [entry.key] : []))
}

test('an edited route is one frontend; an edited server, or another order of its routes, is all of them', () => {
  const socket = socketKey(web)
  const hosted = ['a.example', 'b.example', '*.c.example'].map((host) => `${socket}#${host}`)
  assert.deepEqual(keysOf(parse(shared()), 'served'), [...hosted, socket])

  const edited = shared()
  edited.json.routes[1] = { ...(edited.json.routes[1] as object), handle: [{ handler: 'close' }] }
  assert.deepEqual(keysOf(parse(edited), 'edited'), [`${socket}#b.example`])

  const twice = shared()
  twice.json.routes.splice(1, 0, twice.json.routes[0])
  assert.deepEqual(keysOf(parse(twice), 'edited'), [`${socket}#a.example`])

  const turned = shared()
  turned.json.routes.reverse()
  assert.equal(keysOf(parse(turned), 'edited').length, 4)
  const { name, json } = shared()
  assert.equal(keysOf(parse({ name, json: { ...json, listen: ['tcp4/203.0.113.11:443'] } }), 'edited').length, 4)
  assert.equal(keysOf(parseServer(context, 'renamed', name, json), 'edited').length, 4)
})

test('source ranges in front of a catch-all, as without hosts, count as edited where there are hosts', () => {
  const ranges = frontend({ sourceRanges: ['192.0.2.0/24'] })
  const [alone] = renderServer(context, served(ranges)).routes
  const json = renderServer(context, served(frontend({ hosts: ['a.example'] }), ranges))
  const { name } = shared()
  assert.deepEqual(keysOf(parse({ name, json }), 'edited'), [])
  const mixed = { ...json, routes: [json.routes[0], alone] }
  assert.deepEqual(keysOf(parse({ name, json: mixed }), 'edited'), [socketKey(web)])
})

test('a server under another listen map, and targets in another order, count as edited', () => {
  const json = JSON.stringify(renderServer(context, served()))
  const name = { cluster: OWNER.cluster, className: OWNER.className, ...web }
  assert.deepEqual(keysOf(parse({ name, json: JSON.parse(json) }), 'served'), [frontendKey(web)])
  const elsewhere = { owner: OWNER, listen: { '203.0.113.10': '10.1.0.100' } }
  assert.deepEqual(keysOf(parse({ name, json: JSON.parse(json) }, elsewhere), 'edited'), [frontendKey(web)])
  const swapped = json.replace('10.0.0.11', 'x').replace('10.0.0.12', '10.0.0.11').replace('x', '10.0.0.12')
  assert.deepEqual(keysOf(parse({ name, json: JSON.parse(swapped) }), 'edited'), [frontendKey(web)])
})

test('frontends with equal targets share one group, named by its content alone', () => {
  const many = Array.from({ length: 500 }, (_, index) => frontend({ port: 1000 + index, targetPort: 30_000 + index }))
  const read = () => {
    const table = readTable(renderTable({ frontends: many, groups: [{ id: 'nodes', targets: served()[0].targets }] }))
    return table ?? assert.fail('edited')
  }
  const table = read()
  assert.equal(table.frontends.length, 500)
  assert.equal(table.groups.length, 1)
  assert.equal(table.groups[0]?.id, read().groups[0]?.id)
  assert.deepEqual(
    table.groups[0]?.targets.map(({ address }) => address),
    served()[0].targets.map(({ address }) => address),
  )
})

test('whatever is no server of ours is no reason to fail', () => {
  const { name } = shared()
  const isEdited = (json: unknown) => keysOf(parse({ name, json }), 'served').length === 0
  for (const json of [
    null,
    1,
    'x',
    [],
    {},
    { routes: [] },
    { routes: [null, 1, { match: 1 }, { match: [] }, { match: [{ tls: { sni: [1, null] } }] }] },
    { '@id': 'x', listen: ['tcp/:80'], routes: [{ handle: [] }] },
  ]) {
    assert(isEdited(json))
  }
  fc.assert(fc.property(fc.jsonValue(), isEdited))
})
