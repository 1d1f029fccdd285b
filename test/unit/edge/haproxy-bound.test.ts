import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openDurableFile, writeDurably } from '../../../src/edge/engines/common/durable-file.ts'
import { findBound, readBound } from '../../../src/edge/engines/haproxy/bound.ts'
import { drawConfig } from '../../../src/edge/engines/haproxy/drawing.ts'
import { createMaster } from '../../../src/edge/engines/haproxy/master.ts'
import { shapeOf } from '../../../src/edge/engines/haproxy/swap.ts'
import { socketText } from '../../../src/edge/sockets.ts'
import { FairwayError } from '../../../src/model/problems.ts'
import { silentLog } from '../../support/operator-world.ts'
import { bound, stateOf } from './haproxy-states.ts'

const signal = AbortSignal.timeout(30_000)
const options = { masterSocket: '/nowhere/m.sock', adminFiles: [], configFile: '', stateDir: '', log: silentLog }

function textOf(...ports: readonly number[]): string {
  const { frontends, groups } = stateOf(ports.map((port) => bound({ port })))
  return drawConfig(frontends, groups, new Map(), options).rendered.text
}

test('what a file of ours binds', () => {
  const { frontends, groups } = stateOf([
    bound({ port: 80 }),
    bound({ port: 81, bindAddress: '0.0.0.0' }),
    bound({ port: 82, bindAddress: '::' }),
    bound({ port: 83, address: '2001:db8::10' }),
    bound({ port: 84, hosts: ['a.example'] }),
    bound({ port: 84, hosts: ['b.example'] }),
  ])
  const { rendered } = drawConfig(frontends, groups, new Map(), options)
  assert.deepEqual(readBound(rendered.text).map(socketText).toSorted(), [
    'tcp/0.0.0.0:81',
    'tcp/203.0.113.10:80',
    'tcp/203.0.113.10:84',
    'tcp/[2001:db8::10]:83',
    'tcp/[::]:82',
  ])
  assert.deepEqual(readBound(drawConfig([], new Map(), new Map(), options).rendered.text), [])
})

const cases: readonly (readonly [
  what: string,
  files: readonly (string | undefined)[],
  runs: string | undefined,
  bound: readonly number[] | 'unknown',
])[] = [
  ['the file', [textOf(80), undefined], textOf(80), [80]],
  ['the last good one, where the other has never run', [textOf(80, 81), textOf(80)], textOf(80), [80]],
  ['both, where somebody has edited one', [textOf(80).replace(':80', ':85'), textOf(80)], textOf(80), [80, 85]],
  ['none that is known', [textOf(80), textOf(81)], textOf(82), 'unknown'],
  ['nothing of ours', [textOf(80), undefined], undefined, []],
]
for (const [what, [file, good], runs, expected] of cases) {
  test(`HAProxy runs ${what}`, () =>
    inFolder(async (dir) => {
      const config = await openDurableFile(join(dir, 'fairway.cfg'))
      const lastGood = await openDurableFile(join(dir, 'good.cfg'))
      if (file !== undefined) await writeDurably(config, file)
      if (good !== undefined) await writeDurably(lastGood, good)
      const ours = runs === undefined ? '' : `\n9 fairway.shape ${shapeOf(runs)}`
      const answer = `#<PID>\n1 master 0\n# workers\n2 worker 0\n\n1\n# be_id be_name srv_name${ours}\n`
      const master = { ...createMaster(''), ask: async () => answer }
      const found = await findBound({ ...REST, config, lastGood, master }, signal).then(
        (sockets) => sockets.map(({ port }) => port).toSorted((a, b) => a - b),
        (error: unknown) => (error instanceof FairwayError ? 'unknown' : String(error)),
      )
      assert.deepEqual(found, expected)
    }))
}

test('no HAProxy runs: nothing is bound, whatever the files say', () =>
  inFolder(async (dir) => {
    const config = await openDurableFile(join(dir, 'fairway.cfg'))
    await writeDurably(config, textOf(80))
    const master = createMaster(join(dir, 'm.sock'))
    assert.deepEqual(await findBound({ ...REST, config, lastGood: config, master }, signal), [])
  }))

const REST = {
  options,
  binary: '',
  reloadPace: async () => {},
  failedStarts: { find: () => undefined, add: () => {}, clear: () => {} },
}

async function inFolder(work: (dir: string) => Promise<void>): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'fairway-bound-'))
  try {
    await work(dir)
  } finally {
    await rm(dir, { recursive: true })
  }
}
