import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import { createDesirer, createSelector, type Desired, desireClass, selectServices } from '../../src/desired/desire.ts'
import { type Abilities, ALL_ABILITIES, type Observed } from '../../src/model/driver.ts'
import { EMPTY_TABLE, frontendKey } from '../../src/model/table.ts'
import { createPlanner, type Planned, planProxy, type Wish } from '../../src/plan/plan-proxy.ts'
import { observed, PUBLIC, runs } from '../support/builders.ts'
import { type History, history, stateOf } from '../support/histories.ts'

const RULES = [PUBLIC]

/** Settings are functions, which equal nothing but themselves. What they say is in the frontends. */
function comparable({ placements, ...rest }: Desired): object {
  return {
    ...rest,
    placements: placements.map(({ demand: { settings, ...demand }, ...one }) => ({
      ...one,
      demand,
      plain: settings.plain,
    })),
  }
}

describe('whatever came before, a pass says what one would say that remembers nothing', () => {
  test('of what a class desires', () => {
    fc.assert(
      fc.property(history, ({ spec, scenes }) => {
        const select = createSelector(RULES)
        const desire = createDesirer(spec)
        for (const scene of scenes) {
          const selections = select(scene.services)
          assert.deepEqual(selections, selectServices(scene.services, RULES))
          const desired = desireClass(spec, selections, stateOf(scene))
          assert.deepEqual(comparable(desire(selections, stateOf(scene))), comparable(desired))
        }
      }),
      runs(1_000),
    )
  })

  test('of what is to be done on a proxy', () => {
    fc.assert(
      fc.property(history, fc.array(answer, { minLength: 11, maxLength: 11 }), (one, answers) => {
        const plan = createPlanner('edge-1')
        let proxy = observed(EMPTY_TABLE)
        for (const [index, wish] of wishesOf(one).entries()) {
          const planned = plan(proxy, wish)
          assert.deepEqual(planned, planProxy(proxy, wish, 'edge-1'))
          proxy = answers[index]?.(proxy, planned) ?? proxy
        }
      }),
      runs(1_000),
    )
  })
})

/** What is wished of a proxy in each scene, by one desirer: so that objects stay the same. */
function wishesOf({ spec, scenes }: History): readonly Wish[] {
  const desire = createDesirer(spec)
  return scenes.map((scene) => {
    const { table, held, nodeGroups } = desire(selectServices(scene.services, RULES), stateOf(scene))
    const guard = { maxRemoval: 0.5, minFrontends: 4 }
    return { table, held, nodeGroups, keep: new Set(), accounted: new Set(), strays: () => [], guard }
  })
}

type Answer = (before: Observed, planned: Planned) => Observed

const few: Abilities = { ...ALL_ABILITIES, drain: false, checkPort: false, balance: ['round-robin'] }

/** What a proxy says after a plan was made: that it did what it was asked, or nothing, or something else. */
const answer = fc.constantFrom<Answer>(
  (before, { plan }) => ({ ...before, table: plan.table }),
  (before, { plan }) => ({
    ...before,
    table: structuredClone(plan.table),
    capabilities: structuredClone(before.capabilities),
  }),
  (before) => before,
  (before) => structuredClone(before),
  (before) => ({ ...before, table: { ...before.table, frontends: before.table.frontends.slice(1) } }),
  (before) => ({ ...before, drifted: new Set(before.table.frontends.slice(0, 1).map(frontendKey)) }),
  (before) => ({ ...before, drifted: new Set() }),
  (before) => ({
    ...before,
    capabilities: { TCP: few, UDP: few },
  }),
)
