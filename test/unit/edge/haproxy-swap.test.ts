/** Reloads that go wrong, with an HAProxy in memory that loads a real file. */
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openDurableFile, writeDurably } from '../../../src/edge/engines/common/durable-file.ts'
import { drawConfig } from '../../../src/edge/engines/haproxy/drawing.ts'
import type { Master } from '../../../src/edge/engines/haproxy/master.ts'
import { findRunning, readRunning } from '../../../src/edge/engines/haproxy/running.ts'
import { shapeOf, swapIn } from '../../../src/edge/engines/haproxy/swap.ts'
import type { Tools } from '../../../src/edge/engines/haproxy/tools.ts'
import { FairwayError } from '../../../src/model/problems.ts'
import { createRests } from '../../../src/model/rests.ts'
import { silentLog } from '../../support/operator-world.ts'
import { bound, stateOf } from './haproxy-states.ts'

const signal = AbortSignal.timeout(30_000)
const options = { masterSocket: '/run/m.sock', adminFiles: [], configFile: '', stateDir: '', log: silentLog }

/** A drawing that no other port has. */
function draw(port: number) {
  const { frontends, groups } = stateOf([bound({ port })])
  return drawConfig(frontends, groups, new Map(), options)
}

const textOf = (port: number) => draw(port).rendered.text

interface Stage {
  readonly tools: Tools
  /** Loads whatever is in the file, unless it says that this one does not start. */
  readonly haproxy: { loaded: string; worker: number; reloads: number; failed: boolean; loses: number; silent: number }
  readonly file: () => Promise<string>
  /** Puts a text in place for a port, as what HAProxy loads next. */
  readonly swap: (port: number) => Promise<void>
}

async function play(work: (stage: Stage) => Promise<void>, starts: (text: string) => boolean = () => true) {
  const dir = await mkdtemp(join(tmpdir(), 'fairway-swap-'))
  const [config, lastGood] = [
    await openDurableFile(join(dir, 'fairway.cfg')),
    await openDurableFile(join(dir, 'good.cfg')),
  ]
  await writeDurably(config, textOf(1))
  const haproxy = { loaded: textOf(1), worker: 100, reloads: 0, failed: false, loses: 0, silent: 0 }
  const load = async () => {
    const text = await readFile(config.path, 'utf8')
    haproxy.reloads++
    haproxy.failed = !starts(text)
    if (haproxy.failed) return
    haproxy.loaded = text
    haproxy.worker++
  }
  const master: Master = {
    ask: async () => (haproxy.silent-- > 0 ? '#<PID> <type>\n' : describe(haproxy)),
    command: async () => '',
    reload: async () => {
      if (haproxy.loses-- <= 0) await load()
      return ''
    },
  }
  const failedStarts = createRests(0)
  const tools = { options, binary: '', config, lastGood, master, reloadPace: async () => {}, failedStarts }
  const swap = async (port: number) => {
    const running = await readRunning(master, signal)
    assert.ok(running !== undefined)
    const drawing = draw(port)
    await config.stage(drawing.rendered.text)
    await swapIn(tools, drawing, running, signal)
  }
  try {
    await work({ tools, haproxy, file: () => readFile(config.path, 'utf8'), swap })
  } finally {
    await rm(dir, { recursive: true })
  }
}

/** The answers to `show proc` and `show servers state`: each reload that comes up makes another worker. */
function describe({ loaded, worker, reloads, failed }: Stage['haproxy']): string {
  const counts = `1 master ${reloads}${failed ? ' [failed: 1]' : ''}`
  const server = `9 fairway.shape 1 ${shapeOf(loaded)} 192.0.2.1 0 1 1 1`
  const columns = '# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_port'
  return `#<PID> <type> <reloads>\n${counts}\n# workers\n${worker} worker 0\n# old workers\n\n1\n${columns}\n${server}\n`
}

const notStarted = (error: unknown) => error instanceof FairwayError && error.problem.code === 'ProxyRejected'
const isPort = (port: number) => (text: string) => text === textOf(port)

test('what comes up is remembered as good', () =>
  play(async ({ tools, haproxy, file, swap }) => {
    await swap(2)
    assert.deepEqual([haproxy.loaded, await file(), await tools.lastGood.read()], Array(3).fill(textOf(2)))
  }))

test('a reload that another one has swallowed is asked for again', () =>
  play(async ({ haproxy, swap }) => {
    haproxy.loses = 1
    await swap(2)
    assert.deepEqual([haproxy.loaded, haproxy.reloads], [textOf(2), 1])
  }))

test('one that does not come up, where the last good one cannot be read: back to the file that ran', () =>
  play(
    async ({ tools, haproxy, file, swap }) => {
      await mkdir(tools.lastGood.path)
      await assert.rejects(swap(2), notStarted)
      assert.deepEqual([haproxy.loaded, await file(), haproxy.reloads], [textOf(1), textOf(1), 2])
    },
    (text) => !isPort(2)(text),
  ))

test('one that does not come up: back to the file that ran', () =>
  play(
    async ({ haproxy, file, swap }) => {
      await assert.rejects(swap(2), notStarted)
      assert.deepEqual([haproxy.loaded, await file(), haproxy.reloads], [textOf(1), textOf(1), 2])
    },
    (text) => !isPort(2)(text),
  ))

test('where the file before never ran: back to the last good one, if that is what runs', () =>
  play(
    async ({ tools, haproxy, file, swap }) => {
      await writeDurably(tools.lastGood, textOf(1))
      await writeDurably(tools.config, textOf(3))
      await assert.rejects(swap(2), notStarted)
      assert.deepEqual([haproxy.loaded, await file(), haproxy.reloads], [textOf(1), textOf(1), 2])
    },
    (text) => !isPort(2)(text),
  ))

test('where no file is known to be what runs: the one before is put back, and what runs is left alone', () =>
  play(
    async ({ tools, haproxy, file, swap }) => {
      await writeDurably(tools.config, textOf(3))
      await assert.rejects(swap(2), notStarted)
      assert.deepEqual([haproxy.loaded, await file(), haproxy.reloads], [textOf(1), textOf(3), 1])
    },
    (text) => !isPort(2)(text),
  ))

test('a master without a worker, as during a reload of somebody else, is asked again', () =>
  play(async ({ tools, haproxy }) => {
    haproxy.silent = 3
    const running = await findRunning(tools, signal)
    assert.ok(!(running instanceof FairwayError))
    assert.equal(running.shape, shapeOf(textOf(1)))
  }))
