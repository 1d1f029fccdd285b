// docs/annotations.md is complete, and each of its examples, and of the how-tos, does what it says on a real API server, with a real operator and edge.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { READERS } from '../../src/desired/annotation-values.ts'
import type { Frontend, Table } from '../../src/model/table.ts'
import { waitFor } from '../lab/wait.ts'
import { blocksAt } from './account.ts'
import { EVENTS, POD, SERVICES, startWorld, type World } from './annotations-world.ts'
import { settle, takeBlock } from './ledger.ts'
import { type Block, readPage } from './markdown.ts'
import { splitCommand } from './shell.ts'

const PREFIX = 'fairway.dev/'
const PAGE = readPage('docs/annotations.md')
const WITHIN = { timeoutMs: 20_000, intervalMs: 100 } as const
const [CONFIG, ...EXAMPLES] = PAGE.blocks.filter(({ language }) => language === 'yaml')
const HOW_TOS = ['beside-others', 'affinity-and-local'].flatMap((name) => blocksAt(`docs/how-to/${name}.md`))

/** What an example changes of the frontends that the proxy gets, where `kubectl` does not show it. */
const EFFECTS: Readonly<Record<string, (served: readonly Served[]) => unknown>> = {
  ports: (served) =>
    assert.deepEqual(
      served.map(({ port }) => port).toSorted((a, b) => a - b),
      [25, 993],
    ),
  hosts: (served) =>
    assert.deepEqual(
      served.map(({ hosts }) => hosts),
      [[], ['*.b.example', 'shop.a.example']],
    ),
  'proxy-protocol': (served) =>
    assert.deepEqual(
      served.map(({ port, proxyProtocol }) => [port, proxyProtocol]),
      [
        [443, 'v2'],
        [80, 'off'],
      ],
    ),
  balance: ([one]) => assert.equal(one?.balance, 'least-connections'),
  'health-check': ([one]) => assert.deepEqual([one?.healthCheck?.kind, one?.healthCheck?.port], ['tcp', undefined]),
  'health-check-interval': ([one]) => {
    const { intervalMs, timeoutMs, rise, fall } = one?.healthCheck ?? {}
    assert.deepEqual({ intervalMs, timeoutMs, rise, fall }, { intervalMs: 1_000, timeoutMs: 500, rise: 3, fall: 2 })
  },
  'idle-timeout': ([one]) => assert.equal(one?.idleTimeoutMs, 1_800_000),
  'max-connections': ([one]) => assert.equal(one?.maxConnections, 200),
  targets: ([one]) => assert.deepEqual(one?.targets, [`${POD}:8080`]),
  'node-address-type': ([one]) => assert.deepEqual(one?.targets.map(hostOf), ['10.1.0.1', '10.1.0.2']),
  'node-selector': ([one]) => assert.deepEqual(one?.targets.map(hostOf), ['198.51.100.1']),
}

interface Served extends Frontend {
  /** Addresses and ports. */
  readonly targets: readonly string[]
}

let world: World | undefined
before(
  async () => {
    assert.ok(CONFIG !== undefined, 'the configuration of the examples was not found')
    world = await startWorld(takeBlock(CONFIG).text, AbortSignal.timeout(600_000))
  },
  { timeout: 600_000 },
)
after(async () => world?.stop())

test('every annotation has its example, and no heading is one that does not exist', () => {
  const names = ['class', 'ports', 'external-address', ...Object.keys(READERS)]
  const text = EXAMPLES.map((one) => one.text).join('\n')
  assert.deepEqual(
    names.filter((name) => name !== 'external-address' && !text.includes(`    ${PREFIX}${name}: `)),
    [],
  )
  const headings = [...PAGE.text.matchAll(/^## fairway\.dev\/(.*)$/gm)].map(([, name]) => name ?? '')
  assert.deepEqual(
    headings.filter((name) => !names.includes(name)),
    [],
  )
  assert.deepEqual(
    names.filter((name) => !headings.includes(name) && !PAGE.text.includes(`\n- \`${PREFIX}${name}\``)),
    [],
  )
})

for (const example of EXAMPLES) {
  test(`the example of ${example.heading}, ${example.at}`, { timeout: 60_000 }, async () => {
    if (world === undefined) throw new Error('the world did not start')
    const signal = AbortSignal.timeout(50_000)
    const names = await world.apply(takeBlock(example).text, signal)
    try {
      await settled(world, names, signal)
      for (const command of shownWith(example)) await sameOutput(world, command, signal)
      const effect = EFFECTS[example.heading.replace(PREFIX, '')]
      if (effect !== undefined) await gets(world, effect, signal)
    } finally {
      await world.remove(names, signal)
    }
  })
}

for (const block of HOW_TOS) {
  test(`the example of ${block.heading}, ${block.at}`, { timeout: 60_000 }, async () => {
    if (world === undefined) throw new Error('the world did not start')
    const signal = AbortSignal.timeout(50_000)
    const names = await world.apply(takeBlock(block).text, signal)
    try {
      await settled(world, names, signal)
      const isServed = (all: readonly Served[]) =>
        assert.deepEqual(
          all.map(({ targets }) => targets.length > 0),
          [true],
        )
      await gets(world, isServed, signal)
    } finally {
      await world.remove(names, signal)
    }
  })
}

test('the account of this file is settled', () => settle(import.meta.filename))

interface Listed {
  readonly items: readonly {
    readonly metadata: { readonly name: string }
    readonly involvedObject?: { readonly name: string }
  }[]
}

/** Waits until the operator has said of each Service how it stands with it. */
async function settled({ lab }: World, names: readonly string[], signal: AbortSignal): Promise<void> {
  const isTold = async (limit: AbortSignal) => {
    const events = (await lab.api.request(EVENTS, {}, limit)) as Listed
    const services = (await lab.api.request(SERVICES, {}, limit)) as Listed
    const told = new Set(events.items.map(({ involvedObject }) => involvedObject?.name))
    const programmed = services.items.filter((one) => JSON.stringify(one).includes('"fairway.dev/Programmed"'))
    for (const { metadata } of programmed) told.add(metadata.name)
    return names.every((name) => told.has(name))
  }
  await waitFor(`the operator to say something of ${names.join(', ')}`, isTold, WITHIN, signal)
}

/** Waits until a look at what the proxy gets finds nothing wrong. */
async function gets(running: World, look: (all: readonly Served[]) => unknown, signal: AbortSignal): Promise<void> {
  const isRight = async (limit: AbortSignal) => {
    look(servedBy(await running.table(limit)))
    return true
  }
  await waitFor('the proxy to get it', isRight, WITHIN, signal)
}

interface Shown {
  readonly at: string
  readonly command: string
  readonly lines: readonly string[]
}

/** The commands that stand below an example, before the next one, with what they print. */
function shownWith(example: Block): readonly Shown[] {
  const start = PAGE.blocks.indexOf(example) + 1
  const next = PAGE.blocks.findIndex(({ language }, index) => index >= start && language === 'yaml')
  const blocks = PAGE.blocks.slice(start, next === -1 ? undefined : next)
  return blocks.map(takeBlock).map(({ at, text }) => {
    const [command = '', ...lines] = text.trimEnd().split('\n')
    assert.ok(command.startsWith('$ kubectl '), `${at} shows no command of kubectl`)
    return { at, command: command.slice('$ kubectl '.length), lines }
  })
}

/** Whether kubectl prints what the document shows, but for addresses of the cluster, node ports and ages. */
async function sameOutput({ lab }: World, { at, command, lines }: Shown, signal: AbortSignal): Promise<void> {
  const argv = splitCommand(command)
  const wanted = lines.map(mask)
  let last: readonly string[] = []
  const same = async (limit: AbortSignal) => {
    last = (await lab.kubectl(argv, limit)).trimEnd().split('\n').map(mask)
    return wanted.every((line) => last.includes(line))
  }
  await waitFor(`${at} to be true`, same, WITHIN, signal).catch(() => assert.deepEqual(last, wanted, at))
}

function mask(line: string): string {
  const fields = line.trim().split(/\s{2,}/)
  const masked = fields.map((field) =>
    field.replaceAll(/:3\d{4}\//g, ':30000/').replace(/^10\.96\.\d+\.\d+$/, 'CLUSTER-IP'),
  )
  return masked.filter((field) => !/^\d+[sm](\d+s)?( \(x\d+ over \d+[sm]\))?$/.test(field)).join('  ')
}

function servedBy({ frontends, groups }: Table): readonly Served[] {
  const targets = new Map(groups.map((group) => [group.id, group.targets]))
  return frontends.map((frontend) => ({
    ...frontend,
    targets: (targets.get(frontend.group) ?? []).map(
      ({ address, port }) => `${address}:${port ?? frontend.targetPort}`,
    ),
  }))
}

function hostOf(target: string): string {
  return target.slice(0, target.lastIndexOf(':'))
}
