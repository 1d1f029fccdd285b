/** The clients of poor-mans-k8s-lb at a real `fairway edge` with HAProxy: with curl, as they call, in place of adnanh/webhook and its script. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { freePort } from '../lab/free-port.ts'
import { isOpen, startLongTransfer, whoServes } from './clients.ts'
import { type EdgeHarness, startEdge } from './edge-harness.ts'
import { local } from './net.ts'
import { frontend, pass, tableOf } from './tables.ts'
import { eventually, inWorld, type World } from './world.ts'

const run = promisify(execFile)
const TOKEN = 'ilovecheese'
const [FIRST, LAST] = [20_000, 59_999]

interface Wishes {
  readonly expire?: string
  /** As the edge's own endpoint hears them, or on one of their own. */
  readonly at?: 'https' | 'http' | 'the API'
}

interface Caller {
  readonly harness: EdgeHarness
  /** Prints what a client prints: the body. */
  readonly call: (fields: Readonly<Record<string, string>>, token?: string) => Promise<string>
  readonly get: () => Promise<string>
}

/** Runs a test on an edge that hears calls. */
async function withCalls(
  { expire = '20m', at = 'http' }: Wishes,
  body: (caller: Caller, world: World) => Promise<void>,
): Promise<void> {
  const [address, port] = [local(1), await freePort(local(1))]
  let harness: EdgeHarness | undefined
  const start = async () => {
    const begun = await startEdge({ address })
    harness = begun
    await writeFile(join(begun.edge.dir, 'webhook-token'), `${TOKEN}\n`)
    const listen = at === 'the API' ? {} : { listen: `${address}:${port}`, ...(at === 'http' ? { tls: 'off' } : {}) }
    const ports = [`${FIRST}-${LAST}`]
    const settings = { 'health-check-interval': '100ms', 'health-check-fall': '1', 'health-check-rise': '1' }
    const rest = {
      tokenFile: 'webhook-token',
      addresses: [local(5)],
      ports,
      targets: ['127.0.0.0/8'],
      expire,
      settings,
    }
    await begun.edge.configure({ webhook: { ...listen, ...rest } })
    await begun.edge.end('SIGTERM')
    await begun.edge.start()
    return begun
  }
  await inWorld({ name: 'edge', start }, async (world) => {
    assert.ok(harness !== undefined)
    const { edge } = harness
    const base = at === 'the API' ? edge.url : `${at}://${address}:${port}`
    const url = `${base}/hooks/update-haproxy`
    const curl = async (...argv: readonly string[]) => {
      const { stdout } = await run('curl', ['-sS', '--max-time', '20', '--cacert', edge.caFile, ...argv, url])
      return stdout.trimEnd()
    }
    const call: Caller['call'] = (fields, token = TOKEN) => {
      const headers = ['-H', 'Content-Type:application/json', '-H', `X-Funkypenguin-Token:${token}`]
      return curl(...headers, '-X', 'POST', '-d', JSON.stringify(fields))
    }
    await body({ harness, call, get: () => curl() }, world)
  })
}

function fieldsOf(
  action: string,
  port: number,
  target: string,
  { targetPort }: World,
): Readonly<Record<string, string>> {
  return { 'dst-ip': target, 'frontend-port': String(port), 'backend-port': String(targetPort), action, name: 'unifi' }
}

/** One that calls may ask for. */
async function portFor(world: World): Promise<number> {
  for (;;) {
    const port = await world.port()
    if (FIRST <= port && port <= LAST) return port
  }
}

test('a port is opened, led to a second node too, and closed; what else is served does not notice', async () => {
  await withCalls({}, async ({ harness, call, get }, world) => {
    const { groups, targetPort, signal } = world
    const web = frontend({ port: await world.port(), targetPort })
    await pass(harness.driver(), tableOf(groups, web), signal)
    const transfer = await startLongTransfer(web, signal)
    assert.equal(await get(), 'Hook rules were not satisfied.')
    const port = await portFor(world)
    const at = { address: local(5), port }
    const said = await call({ ...fieldsOf('add', port, local(11), world), 'send-proxy': '' })
    assert.equal(said, `tcp/${at.address}:${port} leads to ${local(11)}:${targetPort}`)
    assert.deepEqual(await whoServes(at), ['a'])
    await call(fieldsOf('add', port, local(12), world))
    await eventually('both serve', async () => (await whoServes(at)).join() === 'a,b', signal)
    await call(fieldsOf('delete', port, local(11), world))
    await eventually('one is left', async () => (await whoServes(at)).join() === 'b', signal)
    await call(fieldsOf('delete', port, local(12), world))
    await eventually('the port is closed', async () => !(await isOpen(at)), signal)
    assert((await transfer.finish()) > 0)
  })
})

test('whoever has another token gets nothing, and neither do ports and targets that are not to be had', async () => {
  await withCalls({ at: 'https' }, async ({ call }, world) => {
    const port = await portFor(world)
    const fields = fieldsOf('add', port, local(11), world)
    assert.equal(await call(fields, 'wrong'), 'Hook rules were not satisfied.')
    assert.match(await call({ ...fields, 'frontend-port': '22' }), /^port 22 may not be asked for by calls\. /)
    assert.match(await call({ ...fields, 'dst-ip': '192.0.2.1' }), /^dst-ip 192\.0\.2\.1 is nowhere that calls/)
    assert.match(await call({ ...fields, name: 'x\n  bind *:1' }), /^name: must be letters/)
    assert.equal(await isOpen({ address: local(5), port }), false)
    assert.match(await call(fields), / leads to /)
    assert.deepEqual(await whoServes({ address: local(5), port }), ['a'])
  })
})

test('where clusters are heard calls are heard as well', async () => {
  await withCalls({ at: 'the API' }, async ({ harness, call, get }, world) => {
    const port = await portFor(world)
    assert.equal(await get(), 'Hook rules were not satisfied.')
    await call(fieldsOf('add', port, local(11), world))
    assert.deepEqual(await whoServes({ address: local(5), port }), ['a'])
    // A cluster that wants the port is told who has it.
    const table = tableOf(world.groups, frontend({ port, targetPort: world.targetPort }))
    const { refused } = await pass(harness.driver(), table, world.signal)
    assert.match(refused[0]?.problem.message ?? '', / is held by webhook\/default$/)
  })
})

test('a restart of the edge closes nothing, and who does not call any more is forgotten', async () => {
  await withCalls({ expire: '6s' }, async ({ harness: { edge }, call }, world) => {
    const { signal } = world
    const port = await portFor(world)
    const at = { address: local(5), port }
    await call(fieldsOf('add', port, local(11), world))
    const transfer = await startLongTransfer(at, signal)
    await edge.end('SIGKILL')
    assert.deepEqual(await whoServes(at), ['a'])
    await edge.start()
    assert.deepEqual(await whoServes(at), ['a'])
    assert((await transfer.finish()) > 0)
    const closed = async () => !(await isOpen(at))
    await eventually('it has expired', closed, signal).catch(() => eventually('it has expired', closed, signal))
    assert.match(await edge.log(), /port \d+ of \\"unifi\\" at [\d.:]+ has expired/)
  })
})
