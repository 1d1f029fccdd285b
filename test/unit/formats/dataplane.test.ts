/** What a configuration behind the Data Plane API has of ours from before an upgrade, by the marks on its sections. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { composeSections, type Wanted } from '../../../src/drivers/dataplane/compose.ts'
import { type Estate, type Estates, readEstates } from '../../../src/drivers/dataplane/estates.ts'
import { byName, type Sections } from '../../../src/drivers/dataplane/sections.ts'
import { socketOf } from '../../../src/model/listen.ts'
import { type Frontend, frontendKey, type Table } from '../../../src/model/table.ts'
import { frontend } from '../../support/builders.ts'
import { NOTHING, quietOptions } from '../drivers/dataplane-parts.ts'
import { OWNER, readFixtureJson, said, TABLE } from './fixtures.ts'

const OPTIONS = quietOptions(OWNER)
const REST: Partial<Frontend> = { port: 80, targetPort: 30_080, group: 'pods', balance: 'least-connections' }
/** With and without hosts on one socket, and one on its own. */
const FRONTENDS = [
  ...TABLE.frontends.filter(({ protocol }) => protocol === 'TCP'),
  frontend({ group: 'pods' }),
  frontend(REST),
]

const shape = z.record(z.string(), z.array(z.looseObject({ name: z.string() })))

async function fixture(): Promise<Sections> {
  const { defaults = [], backends = [], frontends = [] } = shape.parse(await readFixtureJson('dataplane/sections.json'))
  return { defaults: byName(defaults), backends: byName(backends), frontends: byName(frontends) }
}

function write({ groups }: Pick<Table, 'groups'>): Sections {
  const wanted = FRONTENDS.map(({ group, ...one }): Wanted => {
    const targets = groups.find(({ id }) => id === group)?.targets ?? []
    return { key: frontendKey(one), frontend: one, targets, group, socket: socketOf({}, one) }
  })
  return composeSections(OPTIONS, readEstates(OPTIONS, NOTHING).ours, wanted, new Set())
}

function entriesOf({ sockets }: Estate): ReadonlyMap<string, unknown> {
  const entries = sockets.flatMap((socket) => socket.entries)
  return new Map(entries.map(({ key, route, drifted }) => [key, { frontend: route?.frontend, drifted }]))
}

test('what was written is ours, as it was wanted, and nobody has edited it', async () => {
  const { ours, siblings } = readEstates(OPTIONS, await fixture())
  // What its group is called, and which Service it is for, is not written.
  const expected = FRONTENDS.map(({ group: _group, ...one }) => {
    return [frontendKey(one), { frontend: { ...one, service: undefined }, drifted: false }] as const
  })
  assert.deepEqual(entriesOf(ours), new Map(expected))
  assert.deepEqual(siblings, [])
  const targets = ours.sockets.flatMap(({ entries }) => entries.flatMap(({ route }) => route?.targets ?? []))
  assert.ok(targets.some(({ address, draining }) => address === '10.0.0.2' && draining === 'cordoned'))
  assert.ok(targets.some(({ address, port }) => address === '10.244.0.7' && port === 5353))
})

test('another class of the same cluster sees a sibling, and another cluster of that name is refused', async () => {
  const sections = await fixture()
  const read = (owner: Partial<typeof OWNER>): Estates =>
    readEstates({ ...OPTIONS, owner: { ...OWNER, ...owner } }, sections)
  assert.deepEqual(
    read({ className: 'internal' }).siblings.map(({ holder }) => holder.className),
    ['public'],
  )
  assert.deepEqual(read({ className: 'internal', uid: 'another-cluster' }).siblings, [])
  assert.throws(() => read({ uid: 'another-cluster' }), /another-cluster/)
})

test('the same is written', async () => {
  const { defaults, backends, frontends } = write(TABLE)
  const written = {
    defaults: [...defaults.values()],
    backends: [...backends.values()],
    frontends: [...frontends.values()],
  }
  assert.deepEqual(said(written), await readFixtureJson('dataplane/sections.json'))
})
