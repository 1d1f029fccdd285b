/** How a table gets another cluster as its owner, and how it does not. */
import assert from 'node:assert/strict'
import { afterEach, describe, test } from 'node:test'
import { type Answered, type ApiWorld, FIRST, ifMatch, startApi } from './api-world.ts'
import { OTHER_UID, table, UID } from './builders.ts'
import { startWorld, stopWorlds, tell } from './edge-world.ts'

afterEach(stopWorlds)

const PATH = '/v1/tables/prod-a/public'
const WEB = table(['203.0.113.10:443', '203.0.113.10:80'])

/** A world in which the cluster with `UID` has written its table, in the seventh epoch of its Lease. */
async function startHeld(): Promise<ApiWorld> {
  const world = await startApi()
  const body = { uid: UID, epoch: 7, table: WEB }
  assert.equal((await world.send(`PUT ${PATH}`, { headers: FIRST, body })).status, 200)
  return world
}

function patch(world: ApiWorld, body: object, generation = 1): Promise<Answered> {
  return world.send(`PATCH ${PATH}`, { headers: ifMatch(generation), body })
}

describe('an adopted table', () => {
  test('is the same one of another cluster, and the program is not touched', async () => {
    const world = await startHeld()
    const before = (await world.send(`GET ${PATH}`)).json
    const passes = world.passes.length
    const adopted = await patch(world, { uid: OTHER_UID, epoch: 0, adopts: UID })
    assert.deepEqual([adopted.status, adopted.etag], [200, '"2"'])
    assert.deepEqual(world.passes.slice(passes), ['nothing'])
    const after = (await world.send(`GET ${PATH}`)).json
    assert.deepEqual(after, { ...before, uid: OTHER_UID, epoch: 0, generation: 2 })
  })

  test('follows the epochs of its new cluster, whose Lease is young', async () => {
    const world = await startHeld()
    await patch(world, { uid: OTHER_UID, epoch: 0, adopts: UID })
    const [mail, web] = [table(['203.0.113.10:25']), table(['203.0.113.10:443'])]
    assert.equal(tell(await world.put('prod-a/public', mail, { uid: OTHER_UID, epoch: 2 })), '3')
    assert.equal(tell(await world.put('prod-a/public', web, { uid: OTHER_UID, epoch: 1 })), 'StaleWriter')
  })

  test('is refused to its former cluster, in any epoch', async () => {
    const world = await startHeld()
    await patch(world, { uid: OTHER_UID, epoch: 0, adopts: UID })
    const late = await patch(world, { uid: UID, epoch: 8, frontends: { remove: ['tcp/203.0.113.10:80'] } }, 2)
    assert.deepEqual([late.status, late.json.code], [409, 'OwnerConflict'])
    assert.equal(world.served().length, 2)
  })

  test('is adopted after a restart, too', async () => {
    const world = await startHeld()
    await patch(world, { uid: OTHER_UID, epoch: 0, adopts: UID })
    const again = await startWorld({ disk: world.disk.restart(() => false) })
    const { uid, epoch, generation } = again.referee.look('prod-a/public')?.stored ?? assert.fail('no table')
    assert.deepEqual({ uid, epoch, generation }, { uid: OTHER_UID, epoch: 0, generation: 2 })
    assert.equal(again.served().length, 2)
  })
})

const LESS = { frontends: { remove: ['tcp/203.0.113.10:80'] } }

/** Requests that adopt nothing, for a table that `UID` holds. */
const REFUSED: readonly (readonly [what: string, body: object, generation: number, status: number, code: string])[] = [
  ['from a cluster that does not hold it', { uid: OTHER_UID, epoch: 9, adopts: 'third' }, 1, 409, 'OwnerConflict'],
  ['from a part of a UID', { uid: OTHER_UID, epoch: 9, adopts: UID.slice(0, 8) }, 1, 409, 'OwnerConflict'],
  ['of a generation that is over', { uid: OTHER_UID, epoch: 9, adopts: UID }, 5, 412, 'RevisionConflict'],
  // A former leader would begin the epochs anew, and get in.
  ['from itself', { uid: UID, epoch: 1, adopts: UID }, 1, 400, 'BodyInvalid'],
  ['with a change beside it', { uid: OTHER_UID, epoch: 9, adopts: UID, ...LESS }, 1, 400, 'BodyInvalid'],
  ['from what is no UID', { uid: OTHER_UID, epoch: 9, adopts: 'a b' }, 1, 400, 'BodyInvalid'],
  ['by nobody', { epoch: 9, adopts: UID }, 1, 400, 'BodyInvalid'],
]

for (const [what, body, generation, status, code] of REFUSED) {
  test(`a table is not adopted ${what}: ${code}`, async () => {
    const world = await startHeld()
    const before = (await world.send(`GET ${PATH}`)).text
    const answer = await patch(world, body, generation)
    assert.deepEqual([answer.status, answer.json.code], [status, code])
    assert.equal((await world.send(`GET ${PATH}`)).text, before)
  })
}

test('a table that is not there is not adopted', async () => {
  const world = await startApi()
  const answer = await patch(world, { uid: OTHER_UID, epoch: 0, adopts: UID }, 0)
  assert.deepEqual([answer.status, answer.json.code], [404, 'NotFound'])
})

test('a table is adopted with the credential of its name alone', async () => {
  const world = await startHeld()
  const body = { uid: OTHER_UID, epoch: 0, adopts: UID }
  const answer = await world.send(`PATCH ${PATH}`, { token: 'b-public', headers: ifMatch(1), body })
  assert.equal(answer.status, 403)
})

test('whoever is refused as another cluster is told the command', async () => {
  const world = await startHeld()
  const answer = await patch(world, { uid: OTHER_UID, epoch: 9, ...LESS })
  assert.deepEqual([answer.status, answer.json.code], [409, 'OwnerConflict'])
  assert.match(answer.json.remedy, new RegExp(`"fairway adopt --class public --from ${UID}"$`))
})
