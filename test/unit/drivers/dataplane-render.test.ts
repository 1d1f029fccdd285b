import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import * as fc from 'fast-check'
import { tableOf } from '../../../src/drivers/common/table-of.ts'
import { composeSections, type Wanted } from '../../../src/drivers/dataplane/compose.ts'
import { type Estate, readEstates } from '../../../src/drivers/dataplane/estates.ts'
import { operationsOf } from '../../../src/drivers/dataplane/operations.ts'
import type { Sections } from '../../../src/drivers/dataplane/sections.ts'
import type { Observed } from '../../../src/model/driver.ts'
import { socketOf } from '../../../src/model/listen.ts'
import { serverKey } from '../../../src/model/server-names.ts'
import { type Frontend, frontendKey, makeTable, type Table, type Target } from '../../../src/model/table.ts'
import { diffTables } from '../../../src/plan/diff.ts'
import { frontend, observed, runs } from '../../support/builders.ts'
import { NOTHING, quietOptions } from './dataplane-parts.ts'
import { OWNER } from './tables.ts'

const OPTIONS = quietOptions(OWNER)

function wantedOf(table: Table): readonly Wanted[] {
  const groups = new Map(table.groups.map(({ id, targets }) => [id, targets]))
  return table.frontends.map(({ group, ...one }) => {
    return { key: frontendKey(one), frontend: one, targets: groups.get(group) ?? [], group, socket: socketOf({}, one) }
  })
}

/** As the API would give it back. */
function stored(sections: Sections): Sections {
  return { defaults: copy(sections.defaults), backends: copy(sections.backends), frontends: copy(sections.frontends) }
}

function copy(map: Sections['defaults']): Sections['defaults'] {
  return new Map([...map].map(([name, one]) => [name, JSON.parse(JSON.stringify(one)) as typeof one]))
}

function estateOf(sections: Sections): Estate {
  return readEstates(OPTIONS, sections).ours
}

function write(table: Table, before: Sections = NOTHING, keep: readonly string[] = []): Sections {
  return stored(composeSections(OPTIONS, estateOf(before), wantedOf(table), new Set(keep)))
}

function observe(sections: Sections): Observed {
  const entries = estateOf(sections).sockets.flatMap((socket) => socket.entries)
  const served = entries.flatMap(({ route, drifted }) => (route === undefined || drifted ? [] : [route]))
  return observed(
    tableOf(served),
    entries.flatMap(({ key, drifted }) => (drifted ? [key] : [])),
  )
}

const TARGETS: readonly Target[] = [
  { name: 'a', address: '10.0.0.1' },
  { name: 'b', address: '10.0.0.2', draining: 'leaving' },
  { name: 'c', address: '10.0.0.3', port: 9_000 },
  { name: 'd', address: '2001:db8::1', port: 30_001 },
]
const GROUPS = [[], TARGETS.slice(0, 1), TARGETS.slice(0, 2), TARGETS].map((targets, index) => ({
  id: `group "${index}"`,
  targets,
}))

const count = fc.option(fc.integer({ min: 1, max: 2 ** 31 - 1 }), { nil: undefined })
const anyFrontend: fc.Arbitrary<Partial<Frontend>> = fc.record({
  group: fc.constantFrom(...GROUPS.map(({ id }) => id)),
  targetPort: fc.constantFrom(30_001, 30_002),
  proxyProtocol: fc.constantFrom('off', 'v1', 'v2'),
  balance: fc.constantFrom('round-robin', 'least-connections', 'source', 'random'),
  healthCheck: fc.option(
    fc.record({
      kind: fc.constantFrom('tcp', 'http'),
      port: fc.constantFrom(undefined, 10_256),
      intervalMs: fc.constant(5_000),
      timeoutMs: fc.constant(2_000),
      rise: fc.constant(2),
      fall: fc.constant(3),
      derived: fc.boolean(),
    }),
    { nil: undefined },
  ),
  affinityMs: count,
  idleTimeoutMs: count,
  maxConnections: count,
  sourceRanges: fc.constantFrom([], ['10.0.0.0/8', '2001:db8::/32']),
})
const HOSTS = [['*.b.example', 'b.example'], ['a.example'], []]
/** Up to three on each of two sockets. */
const anyTable = fc
  .array(fc.tuple(anyFrontend, fc.constantFrom('203.0.113.10', '2001:db8::10'), fc.constantFrom(...HOSTS)), {
    maxLength: 6,
  })
  .map((all) => {
    const made = all.map(([wishes, address, hosts]) => frontend({ ...wishes, address, hosts }))
    return makeTable(new Map(made.map((one) => [frontendKey(one), one])).values(), GROUPS)
  })

test('what is written is read back as it was wanted, and the same again is no write', () => {
  fc.assert(
    fc.property(anyTable, anyTable, (table, other) => {
      const sections = write(table)
      assert.deepEqual(diffTables(observe(sections), table).changes, [])
      assert.deepEqual(operationsOf(sections, write(table, sections)), [])
      assert.deepEqual(diffTables(observe(write(other, sections)), other).changes, [])
    }),
    runs(150),
  )
})

test('what is kept is served as before, whatever comes beside it', () => {
  fc.assert(
    fc.property(anyTable, anyTable, (table, other) => {
      const sections = write(table)
      const keep = table.frontends.map(frontendKey)
      const both = observe(write(other, sections, keep))
      const wanted = new Set(other.frontends.map(frontendKey))
      const left = diffTables(both, table, wanted).changes.filter(({ key }) => !wanted.has(key))
      assert.deepEqual(left, [])
      assert.deepEqual(diffTables(both, other, new Set(keep)).changes, [])
    }),
    runs(150),
  )
})

test('an edit shows, wherever it is', () => {
  const table = makeTable(
    [frontend({ group: 'nodes', sourceRanges: ['10.0.0.0/8'], healthCheck: checkOf() }), frontend({ port: 80 })],
    [{ id: 'nodes', targets: TARGETS.slice(0, 2) }],
  )
  const sections = write(table)
  for (const kind of ['defaults', 'backends', 'frontends'] as const) {
    for (const [name, section] of sections[kind]) {
      const edited = { ...sections, [kind]: new Map([...sections[kind], [name, { ...section, retries: 7 }]]) }
      assert.notDeepEqual([...observe(edited).drifted], [], `${kind} ${name}`)
      assert(isDeepStrictEqual(write(table, edited)[kind].get(name), section))
    }
  }
})

function checkOf(): NonNullable<Frontend['healthCheck']> {
  return { kind: 'http', port: 10_256, intervalMs: 5_000, timeoutMs: 2_000, rise: 2, fall: 3, derived: true }
}

test('a mark that is gone or strange leaves the socket ours by its name, to be written again', () => {
  const table = makeTable([frontend()], [{ id: 'nodes', targets: TARGETS.slice(0, 1) }])
  const sections = write(table)
  const name = serverKey(OWNER, frontend())
  for (const metadata of [
    undefined,
    {},
    { fairway: 'x' },
    { fairway: { uid: OWNER.uid, routes: [{ hosts: ['}{'] }] } },
  ]) {
    const section = { ...sections.frontends.get(name), name, metadata }
    const edited = { ...sections, frontends: new Map([[name, section]]) }
    assert.deepEqual([...observe(edited).drifted], ['tcp/203.0.113.10:443'])
    assert.deepEqual(
      operationsOf(edited, write(table, edited)).map(({ method }) => method),
      ['PUT'],
    )
  }
})
