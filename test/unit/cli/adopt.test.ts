import assert from 'node:assert/strict'
import { test } from 'node:test'
import { adoptOn } from '../../../src/cli/adopt-proxy.ts'
import type { Holding } from '../../../src/model/adoption.ts'
import type { Adopter } from '../../../src/model/driver.ts'
import { FairwayError, type ProblemCode, type ProblemKind } from '../../../src/model/problems.ts'
import { type AdoptedProxy, adoptExit, adoptLines, reportAdoption } from '../../../src/report/adopt.ts'
import { textOf } from './rig.ts'

const OWNER = { cluster: 'prod-a', className: 'public', uid: 'new' }
const ABOUT = { cluster: 'prod-a', class: 'public', uid: 'new' }
const COMMAND = 'fairway adopt --class public --config-map fairway/fairway'
const NOTHING: AdoptedProxy = { proxy: 'edge-1', keepsMarks: true, holdings: [], adopted: 0, problem: undefined }
const AWAY = failure('ProxyUnreachable', 'transient').problem

function held(uid: string, frontends = 2, writtenAt?: string): Holding {
  return { uid, frontends, writtenAt }
}

function failure(code: ProblemCode, kind: ProblemKind): FairwayError {
  return new FairwayError({ code, kind, message: 'It is gone', remedy: 'Start it' })
}

test('who holds what is a table, with the command that adopts it', () => {
  const proxies = [
    { ...NOTHING, holdings: [held('old', 12, '2026-01-01T00:00:00.000Z')] },
    { ...NOTHING, proxy: 'edge-2', holdings: [held('new')] },
    { ...NOTHING, proxy: 'edge-3' },
    { ...NOTHING, proxy: 'hook-1', keepsMarks: false },
  ]
  const report = reportAdoption(ABOUT, proxies, COMMAND, undefined)
  assert.equal(adoptExit(report), 2)
  assert.equal(
    textOf(adoptLines(report)),
    `
Class public of cluster prod-a, UID new
  PROXY   HELD BY                    FRONTENDS  LAST WRITTEN
  edge-1  UID old                    12         2026-01-01T00:00:00.000Z
  edge-2  this cluster               2          -
  edge-3  nobody                     -          -
  hook-1  nobody: it keeps no marks  -          -

If this cluster replaces the one with that UID, end its operator if it still runs, and take over what it left:
  fairway adopt --class public --config-map fairway/fairway --from old
Nothing was changed by this command.
`,
  )
})

/** What proxies hold, which one is asked for, and the commands that adopt it. */
const COMMANDS: readonly (readonly [
  proxies: Readonly<Record<string, readonly string[]>>,
  asked: string | undefined,
  commands: readonly string[],
])[] = [
  [{ a: ['new'], b: [] }, undefined, []],
  [{ a: ['old'], b: ['old'] }, undefined, [' --from old']],
  [{ a: ['old'], b: ['third'] }, undefined, [' --proxy a --from old', ' --proxy b --from third']],
  [{ a: ['old', 'third', 'new'] }, undefined, [' --proxy a --from old', ' --proxy a --from third']],
  [{ a: ['old'] }, 'a', [' --proxy a --from old']],
]

for (const [proxies, asked, commands] of COMMANDS) {
  test(`${JSON.stringify(proxies)} of ${asked ?? 'all'}: ${commands.join(', ') || 'no command'}`, () => {
    const all = Object.entries(proxies).map(([proxy, uids]) => ({
      ...NOTHING,
      proxy,
      holdings: uids.map((uid) => held(uid)),
    }))
    const report = reportAdoption(ABOUT, all, COMMAND, asked)
    assert.deepEqual(
      report.commands,
      commands.map((one) => COMMAND + one),
    )
    assert.equal(adoptExit(report), commands.length === 0 ? 0 : 2)
  })
}

test('what came of it is told for each proxy, and a failure ends with 1', () => {
  const proxies = [
    { ...NOTHING, holdings: [held('new', 3)], adopted: 3 },
    { ...NOTHING, proxy: 'edge-2', problem: AWAY },
    { ...NOTHING, proxy: 'hook-1', keepsMarks: false },
  ]
  const report = reportAdoption({ ...ABOUT, from: 'old' }, proxies, COMMAND, undefined)
  assert.equal(adoptExit(report), 1)
  const text = textOf(adoptLines(report))
  assert.match(
    text,
    /^\nProxy edge-1: 3 frontends of UID old adopted; all are served on\nProxy hook-1: it keeps no marks/,
  )
  assert.match(text, /\nProxy edge-2: It is gone\. Start it\n/)
  assert.match(text, /Not all is done\./)
  assert.equal(adoptExit(reportAdoption({ ...ABOUT, from: 'old' }, proxies.slice(0, 1), COMMAND, undefined)), 0)
})

/** A proxy that `holder` holds, whose writes end as they are told to, one after the other. */
function proxyOf(holder: string, ...writes: readonly (FairwayError | 'lost' | 'ignored' | 'done')[]) {
  const state = { holder, writes: 0 }
  const driver: Adopter = {
    holdings: async () => [held(state.holder)],
    adopt: async (from) => {
      assert.equal(from, state.holder)
      const end = writes[state.writes++] ?? 'done'
      if (end === 'done' || end === 'lost') state.holder = OWNER.uid
      if (end === 'lost') throw failure('ProxyUnreachable', 'transient')
      if (end instanceof FairwayError) throw end
    },
  }
  return { state, adopt: (from?: string) => adoptOn('edge-1', driver, OWNER, from, AbortSignal.timeout(20_000)) }
}

test('a proxy is adopted by one write, and is left alone after it', async () => {
  const { state, adopt } = proxyOf('old')
  const done = { ...NOTHING, holdings: [held('new')], adopted: 2 }
  assert.deepEqual(await adopt('old'), done)
  assert.deepEqual(await adopt('old'), { ...done, adopted: 0 })
  assert.equal(state.writes, 1)
})

test('without a UID, or with another one, nothing is written', async () => {
  const { state, adopt } = proxyOf('old')
  assert.deepEqual(await adopt(), { ...NOTHING, holdings: [held('old')] })
  const { problem, adopted } = await adopt('third')
  assert.deepEqual([problem?.code, adopted, state.writes], ['OwnerConflict', 0, 0])
})

test('a lost race is run again, and a lost answer settled by reading', async () => {
  const race = failure('RevisionConflict', 'transient')
  for (const [writes, expected] of [
    [[race, 'done'], 2],
    [['lost'], 1],
  ] as const) {
    const { state, adopt } = proxyOf('old', ...writes)
    const { adopted, problem } = await adopt('old')
    assert.deepEqual([adopted, problem, state.writes], [2, undefined, expected])
  }
})

test('what is refused for good is not tried again, and what is taken and never seen ends', async () => {
  const rejected = proxyOf('old', failure('ProxyRejected', 'terminal'))
  assert.equal((await rejected.adopt('old')).problem?.code, 'ProxyRejected')
  assert.equal(rejected.state.writes, 1)
  const ignored = proxyOf('old', ...Array.from({ length: 50 }, () => 'ignored' as const))
  const { problem, adopted } = await ignored.adopt('old')
  assert.deepEqual([problem?.code, adopted], ['WriteNotConfirmed', 0])
  assert.ok(ignored.state.writes < 10)
})

test('a proxy without marks belongs to nobody', async () => {
  assert.deepEqual(await adoptOn('hook-1', {}, OWNER, 'old', AbortSignal.timeout(5_000)), {
    ...NOTHING,
    proxy: 'hook-1',
    keepsMarks: false,
  })
})
