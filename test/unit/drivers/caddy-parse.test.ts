import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { parseServer, tableOf } from '../../../src/drivers/caddy/parse.ts'
import { type RenderContext, renderServer } from '../../../src/drivers/caddy/render.ts'
import type { Table } from '../../../src/model/table.ts'
import { frontend } from '../../support/builders.ts'
import { anyTable, contentOf, NODES, OWNER } from './tables.ts'

const context: RenderContext = { owner: OWNER, listen: {} }

function renderTable(table: Table, where: RenderContext = context): readonly unknown[] {
  const groups = new Map(table.groups.map((group) => [group.id, group.targets]))
  // Through JSON, as on the way to Caddy and back.
  return table.frontends.map((one): unknown =>
    JSON.parse(JSON.stringify(renderServer(where, one, groups.get(one.group) ?? []))),
  )
}

function parseAll(servers: readonly unknown[], where: RenderContext = context): Table {
  return tableOf(
    servers.map((json) => {
      const parsed = parseServer(where, json)
      assert(parsed !== undefined, JSON.stringify(json))
      return parsed
    }),
  )
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
      assert.deepEqual(contentOf(parseAll(renderTable(table, where), where)), contentOf(table))
    }),
    { numRuns: 300 },
  )
})

test('any change to a server is seen', () => {
  fc.assert(
    fc.property(anyTable, fc.nat(), fc.constantFrom('x', '{env.HOME}', 1, null, true), (table, seed, value) => {
      for (const json of renderTable(table)) {
        const edited = editSomewhere(json, seed, value)
        if (JSON.stringify(edited) !== JSON.stringify(json)) assert.equal(parseServer(context, edited), undefined)
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

test('a server under another listen map, and targets in another order, count as edited', () => {
  const json = renderServer(context, frontend(), NODES)
  assert(parseServer(context, json) !== undefined)
  assert.equal(parseServer({ owner: OWNER, listen: { '203.0.113.10': '10.1.0.100' } }, json), undefined)
  const [route] = json.routes
  const [handler] = route.handle
  assert(handler.handler === 'proxy')
  handler.upstreams.reverse()
  assert.equal(parseServer(context, json), undefined)
})

test('frontends with equal targets share one group, named by its content alone', () => {
  const many = Array.from({ length: 500 }, (_, index) => frontend({ port: 1000 + index, targetPort: 30_000 + index }))
  const read = () => {
    const parsed = many.map((one) => parseServer(context, renderServer(context, one, NODES)))
    return tableOf(parsed.filter((one) => one !== undefined))
  }
  const table = read()
  assert.equal(table.frontends.length, 500)
  assert.equal(table.groups.length, 1)
  assert.equal(table.groups[0]?.id, read().groups[0]?.id)
  assert.deepEqual(
    table.groups[0]?.targets.map(({ address }) => address),
    NODES.map(({ address }) => address),
  )
})

test('whatever is no server of ours is no reason to fail', () => {
  for (const json of [
    null,
    1,
    'x',
    [],
    {},
    { routes: [] },
    { '@id': 'x', listen: ['tcp/:80'], routes: [{ handle: [] }] },
  ]) {
    assert.equal(parseServer(context, json), undefined)
  }
  fc.assert(fc.property(fc.jsonValue(), (json) => parseServer(context, json) === undefined))
})
