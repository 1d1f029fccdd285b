// From a clean clone, with nothing but the README's commands, to a Service that a client outside reaches.
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { parse } from 'yaml'
import { waitFor } from '../lab/wait.ts'
import { readPage, script } from './markdown.ts'
import { type ReadmeWorld, startReadmeWorld } from './readme-world.ts'
import { commandsOf } from './shell.ts'

// Another lab may have to end first, and the image to be built.
const TAKES_AT_MOST_MS = 1_500_000
const SERVED_WITHIN = { timeoutMs: 90_000, intervalMs: 200 } as const
const MOST = 6

const PAGE = readPage('README.md')
const [, AFTER = ''] = PAGE.text.split('\n## Install\n')
const [SECTION = ''] = AFTER.split('\n## ')
const BLOCKS = PAGE.blocks.filter(({ text }) => SECTION.includes(text.split('\n')[0] ?? ''))
const LINES = BLOCKS.filter(({ language }) => language === 'sh').flatMap(({ text }) => commandsOf(text))
const VALUES = BLOCKS.find(({ language }) => language === 'yaml')?.text ?? ''

test(`the README's installation, in at most ${MOST} commands`, { timeout: TAKES_AT_MOST_MS }, async () => {
  const commands = LINES.flatMap((line) => line.split(' | '))
  assert.ok(commands.length > 2 && commands.length <= MOST, `${commands.length} commands: ${commands.join('; ')}`)
  const signal = AbortSignal.timeout(TAKES_AT_MOST_MS)
  const [, image = ''] = / -t (\S+)/.exec(LINES.join('\n')) ?? []
  const world = await startReadmeWorld(image, signal)
  try {
    writeFileSync(join(world.clone, 'values.yaml'), VALUES)
    for (const line of LINES) process.stderr.write(`$ ${line}\n${await world.type(line, signal)}`)
    await served(world, signal)
    await goOn(world, signal)
  } catch (error) {
    await describe(world)
    throw error
  } finally {
    await world.stop()
  }
})

async function served({ lab, type }: ReadmeWorld, signal: AbortSignal): Promise<void> {
  const address = async () => /203\.0\.113\.\d+/.exec(await type('kubectl get service web --no-headers', signal))?.[0]
  const shown = await waitFor('an address', address, SERVED_WITHIN, signal)
  assert.equal(shown, '203.0.113.2')
  const ask = async (limit: AbortSignal) => {
    const { stdout } = await lab.inNamespace('client', ['curl', '-s', '-m', '3', `http://${shown}/hostname`], limit)
    return stdout.startsWith('web-')
  }
  await waitFor(`an answer of http://${shown}/`, ask, SERVED_WITHIN, signal)
}

/** What other documents say to do with what is now there. */
async function goOn(world: ReadmeWorld, signal: AbortSignal): Promise<void> {
  const { type, machine, clone } = world
  const config = (parse(VALUES) as { readonly config: object }).config
  writeFileSync(join(clone, 'new.yaml'), JSON.stringify(config))
  const trouble = 'docs/troubleshooting.md'
  const inPod = script(trouble, 'Troubleshooting', 'fairway()')
  assert.match(await type(inPod + script(trouble, 'Troubleshooting', 'describe'), signal), /recorded on the Service/)
  const typed = [
    [trouble, 'EXTERNAL-IP stays `<pending>`', 'events'],
    [trouble, '`ProxyUnreachable`', 'kubectl exec'],
    [trouble, 'Changes take effect late, or not at all', 'lease'],
    [trouble, 'A Service cannot be deleted', 'jsonpath'],
    [trouble, 'A Service cannot be deleted', 'patch'],
    [trouble, 'One node gets all the traffic, or none', 'explain'],
    ['docs/edge.md', 'Clusters and tokens', 'patch secret'],
    ['docs/upgrades.md', 'The edge', 'install-on'],
    ['docs/upgrades.md', 'The edge', 'ssh'],
    ['docs/upgrades.md', 'The operator', 'helm upgrade'],
    ['docs/upgrades.md', 'The operator', 'new.yaml'],
  ] as const
  for (const [file, heading, part] of typed) await type(`${inPod}\n${script(file, heading, part)}`, signal)
  await served(world, signal)
  for (const [heading, part] of [
    ['`ProxyUnreachable`', 'journalctl'],
    ['`ProxyUnauthorized`', 'token list'],
    ['The proxy machine restarted, and nothing is served', 'journalctl'],
  ] as const) {
    await machine.must(script(trouble, heading, part), signal)
  }
}

async function describe({ machine, type }: ReadmeWorld): Promise<void> {
  const signal = AbortSignal.timeout(20_000)
  process.stderr.write((await machine.sh('journalctl --no-pager -n 60 -u fairway-edge -u haproxy', signal)).stdout)
  for (const line of ['get pods,services -A', 'events -A', '-n fairway logs deployment/fairway --tail=40']) {
    process.stderr.write(await type(`kubectl ${line}`, signal).catch((error: Error) => `${error.message}\n`))
  }
}
