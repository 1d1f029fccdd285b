/** The commands that look, at a real API server and a real Caddy that are well. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { freePort } from '../lab/free-port.ts'
import { waitFor } from '../lab/wait.ts'
import { configWith, execute, fairway, MAIN, ROOT, read } from './cli-rig.ts'
import { FIRST_ADDRESS, startWorld, type World } from './world.ts'

describe('the command line', () => {
  const signal = AbortSignal.timeout(540_000)
  let world: World
  /** Names the world for a command. */
  let here: readonly string[] = []
  before(async () => {
    world = await startWorld(signal)
    here = ['--config', world.config, '--kubeconfig', world.lab.kubeconfig]
    await world.createNode('n1', '192.0.2.11')
    await world.createNode('n2', '192.0.2.12')
  })
  after(() => world?.stop())

  test('plan tells of a Service that is new, and changes nothing', async () => {
    await world.createService('web', 20_101)
    const [servers, services] = [await world.servers(), await world.services()]
    const { code, out, err } = await fairway('plan', ...here)
    assert.equal(code, 2, err)
    assert.match(out, new RegExp(`\\+ tcp/${FIRST_ADDRESS}:20101 {2}default/web → 2 targets`))
    assert.match(out, /~ default\/web\n {6}condition Allocated: True/)
    assert.match(out, /1 to add, 0 to change, 0 to remove\. 1 Service to write\./)
    assert.deepEqual([await world.servers(), await world.services(), await world.writers()], [servers, services, []])
  })

  test('a port that somebody has on the proxy is refused by name before anybody tries', async () => {
    const squatter = createServer().listen(20_101, FIRST_ADDRESS)
    await once(squatter, 'listening')
    try {
      const { problems = [], changes } = await read(['plan', ...here], 2)
      assert.equal(changes, true)
      assert.deepEqual(
        problems.map(({ about, code }) => `${about} ${code}`),
        ['Service default/web PortTaken'],
      )
      assert.match(problems[0]?.message ?? '', /connections to it are accepted already/)
    } finally {
      await new Promise((done) => squatter.close(done))
    }
  })

  test('render prints what Caddy then has', async () => {
    const { out } = await fairway('render', ...here)
    const rendered = JSON.parse(out) as { readonly apps: { readonly layer4: { readonly servers: object } } }
    await world.operator('cli', { elect: false })
    await world.serves()
    assert.deepEqual(JSON.parse(await world.servers()), rendered.apps.layer4.servers)
  })

  test('once the operator has done it, plan has nothing to do, and status is well', async () => {
    await waitFor(
      'the plan to be empty',
      async () => (await fairway('plan', ...here)).code === 0,
      { timeoutMs: 30_000 },
      signal,
    )
    const { out } = await fairway('plan', ...here)
    assert.match(out, /\n {2}nothing to do\n\nNothing to do\.\n$/)
    const status = await fairway('status', '--all', ...here)
    assert.equal(status.code, 0, status.err)
    assert.match(status.out, /Class public \(default\): 1 of 1 frontends served/)
    assert.match(status.out, new RegExp(`default/web {2}${FIRST_ADDRESS} {2}20101/TCP {2}yes {5}edge-1 {2}20`))
    assert.match(status.out, /All is well: 1 of 1 Services served\.\n$/)
  })

  test('explain tells of each node, each proxy, and since when', async () => {
    await world.createNode('n3', '127.0.0.9')
    const found = await read(['explain', 'service', 'web', ...here])
    assert.deepEqual([found.apiVersion, found.kind], ['fairway.dev/cli/v1', 'ServiceExplanation'])
    assert.deepEqual(
      found.nodes?.map(({ node, takesTraffic }) => `${node} ${takesTraffic}`),
      ['n1 true', 'n2 true', 'n3 false'],
    )
    assert.match(found.nodes?.[2]?.why ?? '', /has no ExternalIP or InternalIP of IPv4 that may be a target/)
    assert.deepEqual(
      found.proxies?.map(({ name, serving }) => `${name} ${serving}`),
      ['edge-1 yes'],
    )
    assert.match(found.since ?? '', /^20\d\d-/)
    await world.deleteNode('n3')
    const missing = await fairway('explain', 'service', 'wbe', ...here)
    assert.equal(missing.code, 1)
    assert.match(missing.err, /There is no Service default\/wbe \(did you mean "default\/web"\?\)/)
  })

  test('doctor finds what is well, and node ports that a firewall keeps shut', async () => {
    const { findings = [] } = await read(['doctor', ...here], 1)
    const of = (state: string) => findings.filter((one) => one.state === state).map(({ check }) => check)
    assert.deepEqual(of('fail'), ['node ports', 'node ports'])
    assert.deepEqual([...new Set(of('ok'))].toSorted(), [
      'cluster',
      'configuration',
      'permissions',
      'pools',
      'proxies',
      'services',
    ])
    assert.match(findings[0]?.message ?? '', /192\.0\.2\.1\d:\d+ of n[12], for tcp\/.*:20101, .* from here/)
    assert.deepEqual(of('note'), ['proxies'])
  })

  test('the configuration may be in the cluster, and a plan needs none', async () => {
    const data = { 'fairway.yaml': readFileSync(world.config, 'utf8') }
    const body = { metadata: { name: 'fairway' }, data }
    await world.lab.api.request('/api/v1/namespaces/default/configmaps', { method: 'POST', body }, signal)
    const inCluster = ['--config-map', 'default/fairway', '--kubeconfig', world.lab.kubeconfig]
    const status = await fairway('status', '--no-proxies', ...inCluster)
    assert.equal(status.code, 0, status.err)
    assert.match(status.out, /edge-1 {2}not asked/)
    const manifests = join(world.dir, 'all.yaml')
    writeFileSync(manifests, await world.lab.kubectl(['get', 'services,nodes,endpointslices', '-o', 'yaml'], signal))
    const offline = await fairway('plan', '-f', manifests, '--config', world.config)
    assert.equal(offline.code, 2, offline.err)
    assert.match(offline.out, new RegExp(`\\+ tcp/${FIRST_ADDRESS}:20101 {2}default/web → 2 targets`))
  })

  test('a plan without an API server ends with 1, and says why', async () => {
    const text = readFileSync(world.lab.kubeconfig, 'utf8')
    const kubeconfig = join(world.dir, 'nowhere')
    const url = `https://127.0.0.1:${await freePort('127.0.0.1')}`
    writeFileSync(kubeconfig, text.replace(/"server": "[^"]*"/, `"server": "${url}"`))
    const ran = await fairway('plan', '--config', world.config, '--kubeconfig', kubeconfig)
    assert.equal(ran.code, 1)
    assert.match(ran.err, /^fairway: The API server at https:.* cannot be reached/)
  })

  test('a wait ends: a proxy that never answers', async () => {
    const silent = createServer(() => undefined).listen(0, '127.0.0.1')
    await once(silent, 'listening')
    try {
      const bound = silent.address()
      const port = typeof bound === 'object' && bound !== null ? bound.port : 0
      const config = configWith(world, 'silent.yaml', {
        caddy: { url: `http://127.0.0.1:${port}`, insecure: true, timeout: '500ms' },
      })
      const ran = await fairway('plan', '--config', config, '--kubeconfig', world.lab.kubeconfig)
      assert.equal(ran.code, 1)
      assert.match(ran.out, /no answer within 500 ms/)
      const slow = configWith(world, 'slow.yaml', { caddy: { url: `http://127.0.0.1:${port}`, insecure: true } })
      const cut = await fairway('plan', '--timeout', '2s', '--config', slow, '--kubeconfig', world.lab.kubeconfig)
      assert.equal(cut.code, 1)
      assert.match(cut.err, /asking the proxies …\n(.*\n)*fairway: It is not done after 2 s\. /)
    } finally {
      silent.close()
    }
  })

  test('kubectl finds it as a plugin', async () => {
    const bin = join(world.dir, 'fairway')
    writeFileSync(bin, `#!/bin/sh\nexec "${process.execPath}" "${MAIN}" "$@"\n`)
    chmodSync(bin, 0o755)
    const path = [join(ROOT, 'deploy/kubectl'), world.dir, process.env['PATH'] ?? ''].join(':')
    const env = { PATH: path, KUBECONFIG: world.lab.kubeconfig, FAIRWAY_CONFIG: world.config }
    const kubectl = (...argv: readonly string[]) =>
      execute(join(world.lab.binDir, 'kubectl'), ['fairway', ...argv], env)
    const version = await kubectl('version', '-o', 'json')
    assert.match(version.out, /"kind": "Version"/)
    assert.match((await kubectl('plan', '--help')).out, /^Usage: kubectl fairway plan/)
    const explained = await kubectl('explain', 'svc', 'web', '-n', 'default')
    assert.equal(explained.code, 0, explained.err)
    assert.match(explained.out, /^Service default\/web\n {2}class public/)
  })
})
