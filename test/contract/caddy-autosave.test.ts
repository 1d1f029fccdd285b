/** Caddy writes its own file in place. Cut off at any length, as by a kill, it is no loss: without the edge Caddy starts with the table before. */
import assert from 'node:assert/strict'
import { readFile, stat, truncate } from 'node:fs/promises'
import { caddyTest } from './caddy-engine-harness.ts'
import { askTcp, isOpen, whoServes } from './clients.ts'
import { createDice } from './dice.ts'
import { stateOf } from './engine-suite-world.ts'

const CUTS = 12

caddyTest('a file of its own that is cut off', async (world, { unit }) => {
  const { engine, groups, signal, admin } = world
  const dice = createDice(7)
  const [web, other] = [await world.frontend(), await world.frontend({ group: 'c' })]
  for (let cut = 0; cut < CUTS; cut++) {
    const both = cut % 2 === 0
    await engine.apply(both ? stateOf(groups, web, other) : stateOf(groups, web), signal)
    await unit.kill()
    const { size } = await stat(unit.autosave)
    await truncate(unit.autosave, cut === 0 ? 0 : dice(size))
    await unit.start()
    assert.deepEqual([await whoServes(web), await isOpen(other)], [['a', 'b'], both])
    assert.equal((await askTcp(admin)).name, 'admin')
  }
})

caddyTest('what others have written is saved with each pass, and before the edge writes', async (world, { unit }) => {
  const { engine, groups, signal, harness } = world
  const [web, other] = [await world.frontend(), await world.frontend({ group: 'c' })]
  const isSaved = async () =>
    assert.equal(await readFile(unit.savedFile, 'utf8'), await unit.adminText('GET', '/config/'))
  await engine.apply(stateOf(groups, web), signal)
  await isSaved()
  await unit.admin('PUT', '/config/logging', { logs: { default: { level: 'WARN' } } })
  assert.equal((await engine.apply(stateOf(groups, web), signal)).how, 'nothing')
  await isSaved()
  const release = await harness.rejectAll()
  await assert.rejects(engine.apply(stateOf(groups, web, other), signal))
  await isSaved()
  await release()
})
