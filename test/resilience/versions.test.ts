/** Two versions of the operator during a rollout and on the way back: the later one writes more onto Services than this one knows. */
import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { delay, waitFor } from '../lab/wait.ts'
import { ROOT } from './cli-rig.ts'
import { type OperatorProcess, startOperator } from './operators.ts'
import { startWorld, type World } from './world.ts'

const WITHIN_MS = 120_000
const MORE = '; since a later version'
const COUNT = 3

describe('a rollout', () => {
  const signal = AbortSignal.timeout(600_000)
  const started: OperatorProcess[] = []
  let world: World
  let later: string
  before(async () => {
    later = makeLater()
    world = await startWorld(signal)
    await world.createNode('n1', '10.0.0.1')
    for (let n = 0; n < COUNT; n++) await world.createService(`s${n}`, 20_600 + n)
  })
  after(async () => {
    for (const one of started) await one.end('SIGTERM')
    await world?.stop()
    rmSync(later, { recursive: true })
  })

  async function start(name: string, main?: string): Promise<OperatorProcess> {
    const { dir, config, lab } = world
    const version = main === undefined ? {} : { main }
    const settings = { name, dir, config, kubeconfig: lab.kubeconfig, leaseNamespace: 'default', ...version }
    const one = await startOperator(settings)
    started.push(one)
    return one
  }

  async function leads(one: OperatorProcess): Promise<void> {
    await waitFor(`${one.name} to lead`, () => one.led(), { timeoutMs: WITHIN_MS, daemons: [one] }, signal)
  }

  /** Waits until a number of Services bear a record with more in it, and are told that they are served. */
  async function shows(extended: number): Promise<void> {
    const settled = async () => {
      const text = await world.services()
      const served = text.split('"reason":"Served"').length - 1
      return served === text.split('"reason":"Allocated"').length - 1 && text.split(MORE).length - 1 === extended
    }
    await waitFor(`${extended} extended records`, settled, { timeoutMs: WITHIN_MS }, signal)
  }

  /** What stands on Services and proxy, and how often the proxy was written to. */
  async function state(): Promise<readonly unknown[]> {
    return [await world.services(), await world.servers(), (await world.writers()).length]
  }

  test('both versions take turns, nothing moves, and neither undoes what the other has written', async () => {
    const first = await start('first')
    await leads(first)
    await world.serves(WITHIN_MS)
    await shows(0)
    const servers = await world.servers()

    const second = await start('second', join(later, 'src/main.ts'))
    await first.end('SIGTERM')
    await leads(second)
    await shows(COUNT)

    const third = await start('third')
    const was = await state()
    await second.end('SIGTERM')
    await leads(third)
    await waitFor(
      'a pass',
      async () => (await third.log()).includes('a pass has ended'),
      { timeoutMs: WITHIN_MS },
      signal,
    )
    await delay(1_500, signal)
    assert.deepEqual(await state(), was)
    assert.equal(await world.servers(), servers)

    await world.createService('new', 20_650)
    await world.serves(WITHIN_MS)
    await shows(COUNT)
  })
})

/** The sources of this checkout, changed as a later version may be: it says more behind a record, and writes that onto all Services. */
function makeLater(): string {
  const dir = mkdtempSync(join(tmpdir(), 'fairway-later-'))
  for (const part of ['src', 'package.json']) cpSync(join(ROOT, part), join(dir, part), { recursive: true })
  symlinkSync(join(ROOT, 'node_modules'), join(dir, 'node_modules'))
  change(join(dir, 'src/desired/record.ts'), 'of class ${className}`', `of class \${className}${MORE}\``)
  change(join(dir, 'src/operator/outcome.ts'), 'sameRecord(demand.service, record) ?? record', 'record')
  change(join(dir, 'src/operator/outcome.ts'), ', sameRecord }', ' }')
  return dir
}

function change(file: string, from: string, to: string): void {
  const text = readFileSync(file, 'utf8')
  assert.equal(text.split(from).length, 2, `${file} does not say ${from} once`)
  writeFileSync(file, text.replace(from, to))
}
