// From a clean clone, with nothing but the README's commands, to a Service that a client outside reaches; then all else that documents say to do there.
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { step, toStderr } from '../lab/progress.ts'
import { settle, takeAll } from './ledger.ts'
import { served, startReadmeWorld } from './readme-world.ts'
import { commandsOf } from './shell.ts'
import { followCaddy, installByChart } from './walk-caddy.ts'
import {
  adoptTable,
  callOperator,
  findTrouble,
  letGo,
  replaceToken,
  setFirewalls,
  takeDown,
  upgradeBoth,
} from './walk-haproxy.ts'

// Another lab may have to end first, and the image to be built.
const TAKES_AT_MOST_MS = 1_500_000
const MOST = 6

/** What documents go on with, each where the one before it ends. */
const WALK = {
  'docs/troubleshooting.md': findTrouble,
  'docs/upgrades.md': upgradeBoth,
  'firewalls of the machine and of nodes': setFirewalls,
  'another token; the status page': replaceToken,
  'metrics, the log, the command line': callOperator,
  'docs/how-to/rebuild-a-cluster.md': adoptTable,
  'letting go of Services, and a removal that is held': letGo,
  'taking Fairway out of the cluster, and off the machine': takeDown,
  'docs/start/caddy-admin.md': followCaddy,
  'charts/fairway/README.md': installByChart,
}

test(`the README's installation, in at most ${MOST} commands, and what goes on from there`, {
  timeout: TAKES_AT_MOST_MS,
}, async () => {
  const blocks = [
    ...takeAll('README.md > The proxy machine: HAProxy and `fairway edge`'),
    ...takeAll('README.md > The cluster'),
  ]
  const scripts = blocks.filter(({ language }) => language === 'sh').map(({ text }) => text)
  const commands = scripts.flatMap(commandsOf).flatMap((line) => line.split(' | '))
  assert.ok(commands.length > 2 && commands.length <= MOST, `${commands.length} commands: ${commands.join('; ')}`)
  const signal = AbortSignal.timeout(TAKES_AT_MOST_MS)
  const [, image = ''] = / -t (\S+)/.exec(scripts.join('\n')) ?? []
  const world = await startReadmeWorld(image, signal)
  const values = blocks.find(({ language }) => language === 'yaml')?.text ?? ''
  try {
    writeFileSync(join(world.clone, 'values.yaml'), values)
    for (const script of scripts) process.stderr.write(`$ ${script}${await world.type(script, signal)}`)
    await served(world, signal)
    for (const [what, go] of Object.entries(WALK)) await step(toStderr, what, async () => go(world, signal))
    settle(import.meta.filename)
  } catch (error) {
    const limit = AbortSignal.timeout(20_000)
    process.stderr.write((await world.machine.sh('journalctl --no-pager -n 60', limit)).stdout)
    for (const line of ['get pods,services -A', 'events -A', '-n fairway logs deployment/fairway --tail=40']) {
      process.stderr.write((await world.attempt(`kubectl ${line} 2>&1`, limit)).stdout)
    }
    throw error
  } finally {
    await world.stop()
  }
})
