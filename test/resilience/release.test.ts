/** `fairway release` at a real API server and a real Caddy: what `helm uninstall` does before anything is deleted. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { waitFor } from '../lab/wait.ts'
import { configWith, fairway, fileIn, read } from './cli-rig.ts'
import { FIRST_ADDRESS, startWorld, type World } from './world.ts'

interface Service {
  readonly metadata: {
    readonly name: string
    readonly finalizers?: readonly string[]
    readonly annotations?: Readonly<Record<string, string>>
  }
  readonly status: {
    readonly loadBalancer: { readonly ingress?: readonly { readonly ip?: string }[] }
    readonly conditions?: readonly { readonly type: string }[]
  }
}

const DEPLOYMENT = '/apis/apps/v1/namespaces/default/deployments'

describe('release', () => {
  const signal = AbortSignal.timeout(300_000)
  let world: World
  let here: readonly string[] = []
  const services = async () => JSON.parse(await world.services()) as readonly Service[]
  const web = async () => (await services()).find(({ metadata }) => metadata.name === 'web')
  const isServed = async () => (await web())?.status.loadBalancer.ingress?.[0]?.ip === FIRST_ADDRESS
  const isFinalized = async () => ((await web())?.metadata.finalizers ?? []).length === 1

  before(async () => {
    world = await startWorld(signal)
    here = ['--config', world.config, '--kubeconfig', world.lab.kubeconfig, '--lease-namespace', 'default']
    await world.createNode('n1', '192.0.2.11')
    await world.createService('web', 20_301)
    await world.operator('first')
    await waitFor('web to be served', isServed, { timeoutMs: 20_000 }, signal)
  })
  after(() => world?.stop())

  test('wants to know what becomes of what is served', async () => {
    for (const modes of [[], ['--keep', '--drain']]) {
      const { code, err } = await fairway('release', ...modes, ...here)
      assert.equal(code, 1)
      assert.match(err, /Give --keep or --drain/)
    }
  })

  test('while an operator leads nothing is touched, whatever time it is given', async () => {
    const untouched = [await world.servers(), await world.services()]
    const { code, err } = await fairway('release', '--drain', ...here, '--timeout', '4s')
    assert.equal(code, 1)
    assert.match(err, /not done after 4 s/)
    assert.deepEqual([await world.servers(), await world.services()], untouched)
  })

  test('the Deployment is stopped first, and keep leaves addresses and traffic', async () => {
    await world.lab.api.request(DEPLOYMENT, { method: 'POST', body: deployment() }, signal)
    const servers = await world.servers()
    const argv = ['release', '--keep', ...here, '--stop-deployment', 'default/operator']
    const released = fairway(...argv, '-o', 'json')
    const stopped = async () => {
      const { spec } = (await world.lab.api.request(`${DEPLOYMENT}/operator`, {}, signal)) as {
        readonly spec: { readonly replicas: number }
      }
      return spec.replicas === 0
    }
    await waitFor('the Deployment to be stopped', stopped, { timeoutMs: 15_000 }, signal)
    // Nobody else ends its pods here.
    await world.endOperators()
    const { code, out, err } = await released
    assert.equal(code, 0, err + out)
    assert.deepEqual(JSON.parse(out), {
      apiVersion: 'fairway.dev/cli/v1',
      kind: 'Release',
      mode: 'keep',
      proxies: [],
      released: ['default/web'],
      left: [],
    })
    assert.deepEqual((await web())?.metadata.finalizers ?? [], [])
    assert.ok(await isServed())
    assert.equal(await world.servers(), servers)
  })

  test('again there is nothing to do', async () => {
    const { code, out } = await fairway('release', '--keep', ...here)
    assert.equal(code, 0)
    assert.match(out, /none had to be let go/)
  })

  test('an operator that comes back takes up what was kept, at the same address', async () => {
    await world.operator('second')
    await waitFor('web to bear a finalizer', isFinalized, { timeoutMs: 20_000 }, signal)
    assert.ok(await isServed())
    await world.serves()
    await world.endOperators()
  })

  test('a proxy that cannot be reached keeps its Services as they are', { timeout: 90_000 }, async () => {
    const config = configWith(world, 'gone.yaml', { caddy: { url: 'http://127.0.0.1:9', insecure: true } })
    const untouched = await world.services()
    const report = await read(['release', '--drain', ...here, '--config', config], 1)
    assert.equal(report.proxies?.length, 1)
    assert.match(
      JSON.stringify(report),
      /"problem":\{"code":"ProxyUnreachable".*"name":"default\/web".*may still serve it/,
    )
    assert.equal(await world.services(), untouched)
  })

  test('Services of a class that the configuration does not have are left, and named', async () => {
    const text = readFileSync(world.config, 'utf8').replace('"name":"public"', '"name":"private"')
    const config = fileIn(world, 'other.yaml', JSON.parse(text) as object)
    const untouched = await world.services()
    const { code, out } = await fairway('release', '--keep', ...here, '--config', config)
    assert.equal(code, 0)
    assert.match(out, /default\/web: .*class "public" gave, which the configuration does not have/)
    assert.equal(await world.services(), untouched)
  })

  test('drain takes everything off the proxy and off the Services, one of them in deletion', async () => {
    await world.deleteService('web')
    await world.createService('other', 20_302)
    assert.notEqual(await world.servers(), '{}')
    const { code, out, err } = await fairway('release', '--drain', ...here)
    assert.equal(code, 0, err + out)
    assert.match(out, /Proxy edge-1 of class public: 1 frontend taken off, nothing is left/)
    assert.equal(await world.servers(), '{}')
    const left = (await services()).filter(({ metadata }) => metadata.name !== 'kubernetes')
    assert.deepEqual(
      left.map(({ metadata, status }) => [metadata.name, metadata.finalizers ?? [], status.loadBalancer]),
      [['other', [], {}]],
    )
  })
})

function deployment(): object {
  const labels = { app: 'operator' }
  const template = { metadata: { labels }, spec: { containers: [{ name: 'operator', image: 'operator' }] } }
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'operator' },
    spec: { replicas: 1, selector: { matchLabels: labels }, template },
  }
}
